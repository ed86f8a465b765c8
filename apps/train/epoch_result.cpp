#include <taper/train/epoch_result.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::train {
namespace {

std::vector<double> numbers(const std::string& line, std::size_t count, const std::filesystem::path& file) {
    std::istringstream words(line);
    std::vector<double> values;
    for (std::string word; words >> word;) values.push_back(std::strtod(word.c_str(), nullptr));
    if (values.size() != count) throw Error(fmt::format("resume: damaged notes: {} has \"{}\" (want {} numbers)", file.string(), line, count));
    return values;
}

}  // namespace

const EpochResult* best_epoch(const Curves& curves) {
    const auto best =
        std::max_element(curves.begin(), curves.end(), [](const EpochResult& a, const EpochResult& b) { return a.test_accuracy < b.test_accuracy; });
    return best == curves.end() ? nullptr : &*best;
}

void Tally::add(double mean_loss, std::int64_t right, std::int64_t count) {
    loss += mean_loss * static_cast<double>(count);
    correct += right;
    images += count;
}

std::string text(const Curves& curves) {
    std::string text;
    for (const EpochResult& r : curves)
        text += fmt::format("{:a} {:a} {:a} {:a} {:a} {:a} {}\n", r.learning_rate, r.train_loss, r.train_accuracy, r.test_loss, r.test_accuracy, r.loss_scale,
                            r.skipped);
    return text;
}

std::string text(const Tally& tally) { return fmt::format("{:a} {} {} {}", tally.loss, tally.correct, tally.images, tally.skipped); }

Curves parse_curves(const std::string& text, const std::filesystem::path& file) {
    Curves curves;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto v = numbers(line, 7, file);
        curves.push_back({.epoch = static_cast<std::int64_t>(curves.size()),
                          .learning_rate = v[0],
                          .train_loss = v[1],
                          .train_accuracy = v[2],
                          .test_loss = v[3],
                          .test_accuracy = v[4],
                          .loss_scale = v[5],
                          .skipped = static_cast<std::int64_t>(v[6])});
    }
    return curves;
}

Tally parse_tally(const std::string& text, const std::filesystem::path& file) {
    const auto v = numbers(text, 4, file);
    return {v[0], static_cast<std::int64_t>(v[1]), static_cast<std::int64_t>(v[2]), static_cast<std::int64_t>(v[3])};
}

}  // namespace taper::train
