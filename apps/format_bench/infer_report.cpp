#include "infer_report.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <taper/formats/format.h>

#include "common/plot.h"
#include "common/text.h"

namespace taper::apps {
namespace {

std::string pair_name(const InferRow& row) {
    const std::string &weights = row.settings.weights, &activations = row.settings.activations;
    return weights == activations ? weights : fmt::format("{} / {}", weights, activations);
}

// The format whose bits a plot counts: that of the weights, or of the activations where the weights are float32.
Format counted(const InferRow& row) {
    const Format weights = Format::parse(row.settings.weights);
    return weights == Format::float32() ? Format::parse(row.settings.activations) : weights;
}

std::string family_of(const Format& format) {
    if (const Posit* posit = std::get_if<Posit>(&format.family()))
        return fmt::format("posit, es = {}{}", posit->es, posit->underflow == Underflow::to_zero ? ", underflow" : "");
    if (std::holds_alternative<Fixed>(format.family())) return "fixed point";
    return format.element().name();
}

}  // namespace

std::string infer_line(const InferRow& row) {
    return fmt::format("{:<28} top-1 {:6.2f} %  {:+6.2f}  {:5.2f} bits a weight  {:6.1f} s{}\n", pair_name(row), row.top1, row.difference, row.bits,
                       row.seconds, row.nan_images > 0 ? fmt::format("  NaN in {} images", row.nan_images) : "");
}

std::string infer_table(const std::vector<InferRow>& rows) {
    Rows lines{{"formats", "top-1, %", "to float32", "NaN images", "bits a weight", "bytes", "seconds"}, {}};
    for (const InferRow& row : rows)
        lines.push_back({pair_name(row), fmt::format("{:.2f}", row.top1), fmt::format("{:+.2f}", row.difference), std::to_string(row.nan_images),
                         fmt::format("{:.2f}", row.bits), fmt::format("{:.2f}", row.bytes), fmt::format("{:.1f}", row.seconds)});
    return text_table(lines);
}

void draw_infer(const std::filesystem::path& png, const std::string& title, const std::vector<InferRow>& rows, double float32_top1) {
    std::map<std::string, std::vector<std::pair<double, double>>> points;
    double least = 32, most = 1;
    for (const InferRow& row : rows) {
        const Format format = counted(row);
        if (format == Format::float32()) continue;
        points[family_of(format)].emplace_back(format.bits(), row.top1);
        least = std::min(least, static_cast<double>(format.bits()));
        most = std::max(most, static_cast<double>(format.bits()));
    }
    Panel panel{.title = "Test accuracy", .x_label = "bits", .y_label = "top-1, %", .legend = Legend::bottom_right};
    for (auto& [family, list] : points) {
        std::sort(list.begin(), list.end());
        Curve curve{.title = family, .x = {}, .y = {}, .colour = static_cast<int>(panel.curves.size())};
        for (const auto& [bits, top1] : list) {
            curve.x.push_back(bits);
            curve.y.push_back(top1);
        }
        panel.curves.push_back(curve);
    }
    panel.curves.push_back({.title = "float32", .x = {least, most}, .y = {float32_top1, float32_top1}, .colour = 7, .dashed = true});
    plot(png, title, {panel});
}

}  // namespace taper::apps
