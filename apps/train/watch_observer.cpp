#include <taper/train/watch_observer.h>

namespace taper::train {
namespace {

class WatchObserver : public Observer {
  public:
    WatchObserver(apps::WatchReport& report, const RunInfo& run) : watch_(report, run.name, run.model, run.optimizer) {}
    void begin_step(const StepInfo& info) override { watch_.begin_step(info.epoch, info.step); }
    void end_step(const StepInfo&) override { watch_.end_step(); }

  private:
    apps::ModelWatch watch_;
};

}  // namespace

ObserverFactory watching(apps::WatchReport& report) {
    return [&report](const RunInfo& run) { return std::make_unique<WatchObserver>(report, run); };
}

}  // namespace taper::train
