// The CSV of watched numbers: one line a tensor and watched step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <taper/nn/watch.h>

namespace taper::apps {

struct WatchRecord {
    std::string run;
    std::int64_t epoch = 0;  // from 0; the file counts from 1
    nn::WatchRow row;
};

// Columns run,epoch,step,kind,name,format,elements,zeros,saturated,smallest,infinite,nan,underflow,overflow,mean,max as in core/statistics.h, underflow
// and overflow empty where no one knows; then one a binade: <2^-64, 2^-64, ..., 2^64, >=2^65.
std::string watch_csv_header();
std::string watch_csv_line(const WatchRecord& record);
// What a file of those holds of steps before `step`; a last line that was cut short is left out.  Throws Error naming the file and the line if it is
// none of those.
std::vector<WatchRecord> read_watch_csv(const std::filesystem::path& file, std::int64_t step);

}  // namespace taper::apps
