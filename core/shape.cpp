#include <taper/core/shape.h>

#include <algorithm>

#include <taper/formats/error.h>

namespace taper {
namespace {

constexpr std::int64_t most_elements = std::int64_t{1} << 62;

std::string text(const std::vector<std::int64_t>& sizes) {
    std::string result = "[";
    for (std::size_t i = 0; i < sizes.size(); ++i) result += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
    return result + "]";
}

std::int64_t checked_elements(const std::vector<std::int64_t>& sizes) {
    std::int64_t product = 1, bound = 1;
    int open = 0;
    for (const std::int64_t size : sizes) {
        open += size == -1 ? 1 : 0;
        if (size < -1 || open > 1) throw Error("shape: negative size: " + text(sizes) + " (want sizes of 0 or more; for reshape, one of -1)");
        const std::int64_t factor = std::max<std::int64_t>(size, 1);
        if (bound > most_elements / factor) throw Error("shape: too many elements: " + text(sizes) + " (want at most 2^62)");
        bound *= factor;
        if (size != -1) product *= size;
    }
    return open != 0 ? -1 : product;
}

}  // namespace

Shape::Shape(std::initializer_list<std::int64_t> sizes) : Shape(std::vector<std::int64_t>(sizes)) {}

Shape::Shape(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)), elements_(checked_elements(sizes_)) {}

std::int64_t Shape::operator[](int a) const { return sizes_[static_cast<std::size_t>(axis(a))]; }

std::int64_t Shape::elements() const {
    if (elements_ < 0) throw Error("shape: a size is open: " + str() + " (want sizes of 0 or more; -1 is for reshape alone)");
    return elements_;
}

std::vector<std::int64_t> Shape::strides() const {
    std::vector<std::int64_t> result(sizes_.size());
    elements();  // throws if a size is open
    std::int64_t stride = 1;
    for (std::size_t i = sizes_.size(); i-- > 0;) {
        result[i] = stride;
        stride *= sizes_[i];
    }
    return result;
}

int Shape::axis(int a) const {
    if (a >= -rank() && a < rank()) return a < 0 ? a + rank() : a;
    throw Error("shape: no such axis: " + std::to_string(a) + " of " + str() + " (want one from " + std::to_string(-rank()) + " to " + std::to_string(rank() - 1) + ")");
}

std::string Shape::str() const { return text(sizes_); }

Shape broadcast(const Shape& a, const Shape& b, const char* op) {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(std::max(a.rank(), b.rank())));
    for (int i = 1; i <= static_cast<int>(sizes.size()); ++i) {
        const std::int64_t p = i <= a.rank() ? a[-i] : 1, q = i <= b.rank() ? b[-i] : 1;
        if (p != q && p != 1 && q != 1) {
            throw Error(std::string(op) + ": shapes do not broadcast: a is " + a.str() + ", b is " + b.str() + " (want equal sizes or 1, aligned at the last axis)");
        }
        sizes[sizes.size() - static_cast<std::size_t>(i)] = p == 1 ? q : p;
    }
    return Shape(std::move(sizes));
}

}  // namespace taper
