// ProgressBar: one line on standard error with rate and time left, where standard error is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace taper::apps {

class ProgressBar {
  public:
    // Counts from `done` to `total` things called `unit` ("images"); draws nothing unless `wanted` and standard error is a terminal.
    ProgressBar(std::string label, std::string unit, std::int64_t done, std::int64_t total, bool wanted = true);
    ~ProgressBar() { wipe(); }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void advance(std::int64_t count, const std::string& note = "");
    void wipe();  // the line, before other output; the next advance may draw it again

  private:
    using Clock = std::chrono::steady_clock;
    void draw(const std::string& note);
    std::string label_, unit_;
    std::int64_t first_, done_, total_;
    bool on_;
    Clock::time_point start_, drawn_;
};

}  // namespace taper::apps
