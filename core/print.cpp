#include <taper/core/print.h>

#include <algorithm>
#include <cmath>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include <taper/core/ops.h>

namespace taper {
namespace {

constexpr std::int64_t summarised_beyond = 1000;  // elements
constexpr std::int64_t edge = 3;

class Printer {
  public:
    explicit Printer(const Tensor& x) : shape_(x.shape()), summarised_(x.elements() > summarised_beyond) {
        Tensor shown = x;
        for (int axis = 0; axis < x.rank(); ++axis) {
            if (!summarises(axis)) continue;
            const Tensor ends[] = {core::slice(shown, axis, 0, edge), core::slice(shown, axis, shown.size(axis) - edge, shown.size(axis))};
            shown = core::concatenate(ends, axis);
        }
        const bool posit = std::holds_alternative<Posit>(x.format().family());
        for (const double value : shown.to_vector_double()) {
            cells_.push_back(std::isnan(value) ? (posit ? "NaR" : "nan") : fmt::format("{:.6g}", value));
            width_ = std::max(width_, cells_.back().size());
        }
    }

    std::string text() {
        print(0);
        return out_;
    }

  private:
    bool summarises(int axis) const { return summarised_ && shape_[axis] > 2 * edge; }

    void print(int axis) {
        if (axis == shape_.rank()) {
            out_ += fmt::format("{:>{}}", cells_[next_++], width_);
            return;
        }
        const int inner = shape_.rank() - 1 - axis;  // axes; one line break for each
        const std::string separator = inner == 0 ? " " : fmt::format("{:\n>{}}{:>{}}", "", inner, "", axis + 1);
        const std::int64_t shown = summarises(axis) ? 2 * edge : shape_[axis];
        out_ += "[";
        for (std::int64_t i = 0; i < shown; ++i) {
            if (i != 0) out_ += "," + separator;
            if (i == edge && summarises(axis)) out_ += "...," + separator;
            print(axis + 1);
        }
        out_ += "]";
    }

    const Shape shape_;
    const bool summarised_;
    std::vector<std::string> cells_;
    std::size_t width_ = 0, next_ = 0;
    std::string out_;
};

}  // namespace

std::string to_text(const Tensor& x) {
    const std::string values = x.elements() == 0 ? "[]" : Printer(x).text(), device = x.device() == Device::cpu() ? "" : x.device().name();
    return fmt::format("{} {} {}{}{}", values, x.format().name(), x.shape().str(), device.empty() ? "" : " ", device);
}

}  // namespace taper
