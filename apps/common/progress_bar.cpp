#include "common/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace taper::apps {
namespace {

constexpr int width = 24;
constexpr auto interval = std::chrono::milliseconds(100);

std::string clock_text(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60) : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

ProgressBar::ProgressBar(std::string label, std::string unit, std::int64_t done, std::int64_t total, bool wanted)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      first_(done),
      done_(done),
      total_(total),
      on_(wanted && isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      drawn_(start_) {
    if (on_) draw("");
}

void ProgressBar::wipe() {
    if (on_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::advance(std::int64_t count, const std::string& note) {
    done_ += count;
    if (on_ && Clock::now() - drawn_ >= interval) draw(note);
}

void ProgressBar::draw(const std::string& note) {
    drawn_ = Clock::now();
    const double seconds = std::chrono::duration<double>(drawn_ - start_).count();
    const double share = total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 1.0;
    const auto full = static_cast<int>(share * width);
    std::string line = fmt::format("\r{}  [{}{}] {:3.0f} %", label_, std::string(static_cast<std::size_t>(full), '#'),
                                   std::string(static_cast<std::size_t>(width - full), '.'), 100 * share);
    if (done_ > first_ && seconds > 0) {
        const double rate = static_cast<double>(done_ - first_) / seconds;
        line += fmt::format("  {:.0f} {}/s  {} left", rate, unit_, clock_text(static_cast<double>(total_ - done_) / rate));
    }
    if (!note.empty()) line += "  " + note;
    std::fputs((line + "\033[K").c_str(), stderr);
    std::fflush(stderr);
}

}  // namespace taper::apps
