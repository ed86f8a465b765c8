#include <taper/cuda/pieces.h>

#include <utility>

namespace taper::cuda {

Pieces::Pieces(Calls calls) : calls_(std::move(calls)) {}

void Pieces::run(OneLaunch::Kept& kept, const std::function<void()>& work) {
    if (kept_ != nullptr) return work();
    kept_ = &kept;
    number_ = 0;
    try {
        work();
        launch();
    } catch (...) {
        try {
            launch();
        } catch (...) {  // the first failure is the one to tell
        }
        kept_ = nullptr;
        throw;
    }
    kept_ = nullptr;
}

void Pieces::enqueue() {
    if (kept_ == nullptr || held_) return;
    calls_.hold();
    held_ = true;
}

void Pieces::launch() {
    if (!held_) return;
    held_ = false;
    calls_.launch(*kept_, number_++);
}

}  // namespace taper::cuda
