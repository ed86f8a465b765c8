// What a program writes of the numbers that it watches: the options, the CSV, the picture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <taper/nn/optim/optimizer.h>
#include <taper/nn/watch.h>

#include "common/watch_picture.h"

namespace CLI {
class App;
}

namespace taper::apps {

struct WatchFlags {
    std::int64_t every = 0;  // 0: nothing is watched
    std::filesystem::path csv, picture;
};
// --watch N, --watch-csv FILE, --watch-plot FILE.png.  `flags` must outlive the parsing.
void add_watch_options(CLI::App& app, WatchFlags& flags);

// The files of one program, which may watch several models.
class WatchReport {
  public:
    explicit WatchReport(const WatchFlags& flags) : flags_(flags) {}
    // At each step of each model; begins the CSV at the first, where, if it is not step 0, a run resumes: what a CSV that is there says of the steps
    // before stays.  Throws Error if that cannot be read or written.
    void begin_step(std::int64_t step);
    void write(const WatchRecord& record);  // appends; flush() before others read
    void flush();                           // throws Error if the file could not be written
    // Draws the picture if one was asked for; false if that takes gnuplot and there is none.
    bool draw() const;
    const WatchFlags& flags() const { return flags_; }

  private:
    WatchFlags flags_;
    std::optional<std::ofstream> out_;
    WatchPicture picture_;
};

// One model and its place in the report.
class ModelWatch {
  public:
    // All must outlive it.  `run` is its name in the CSV.
    ModelWatch(WatchReport& report, const std::string& run, nn::Module& model, const nn::Optimizer& optimizer);
    // Around each step, all of it; steps are numbered over epochs, from 0.
    void begin_step(std::int64_t epoch, std::int64_t step);
    void end_step();

  private:
    WatchReport& report_;
    std::string run_;
    const nn::Optimizer& optimizer_;
    nn::Watch watch_;
    std::int64_t epoch_ = 0;
};

}  // namespace taper::apps
