// Results of `format_bench infer` as a CSV file that grows row by row and is read again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace taper::apps {

struct InferRow {
    // What was evaluated, in words: rows with the same settings are the same evaluation.
    struct Settings {
        std::string checkpoint, model, weights_crc, data_crc, images, calibration, scale, accumulate, exempt, others, batch, weights, activations;
        friend bool operator==(const Settings&, const Settings&) = default;
    } settings;
    // What came out: top-1 accuracy in % and how far it lies above float32's, images whose logits hold NaN, bits and bytes a weight (means over the
    // weights of the layers), seconds.
    double top1 = 0, difference = 0;
    std::int64_t nan_images = 0;
    double bits = 0, bytes = 0, seconds = 0;
};

class ResultFile {
  public:
    // Reads the rows of the file if it is there.  An empty name: rows are kept in memory alone.  Throws Error, naming file and line, on another file.
    explicit ResultFile(std::filesystem::path file);
    std::optional<InferRow> find(const InferRow::Settings& settings) const;
    void add(const InferRow& row);  // and writes the file anew, as a whole; throws Error naming it

  private:
    std::filesystem::path file_;
    std::vector<InferRow> rows_;
};

}  // namespace taper::apps
