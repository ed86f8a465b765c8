#include <taper/core/cpu/operand.h>

namespace taper {
namespace {

template <class Code>
void repeat(const void* code, std::int64_t count, void* out) {
    std::fill_n(static_cast<Code*>(out), count, *static_cast<const Code*>(code));
}

void repeat(const void* code, int width, std::int64_t count, void* out) {
    switch (width) {
        case 1: return repeat<std::uint8_t>(code, count, out);
        case 2: return repeat<std::uint16_t>(code, count, out);
        case 4: return repeat<std::uint32_t>(code, count, out);
        default: return repeat<std::uint64_t>(code, count, out);
    }
}

}  // namespace

BroadcastCodes::BroadcastCodes(const Tensor& x, const Shape& shape) : codes_(x.data()), width_(x.format().storage_bytes()) {
    const auto own_strides = x.shape().strides();
    const int missing = shape.rank() - x.rank();
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        const std::int64_t size = shape[axis];
        if (size == 1) continue;
        const std::int64_t stride = axis < missing || x.size(axis - missing) == 1 ? 0 : own_strides[static_cast<std::size_t>(axis - missing)];
        if (!sizes_.empty() && stride == strides_.front() * sizes_.front()) {
            sizes_.front() *= size;
        } else {
            sizes_.insert(sizes_.begin(), size);
            strides_.insert(strides_.begin(), stride);
        }
    }
    if (sizes_.empty()) sizes_ = {1}, strides_ = {0};
}

const void* BroadcastCodes::read(std::int64_t begin, std::int64_t count, void* buffer) const {
    const std::size_t last = sizes_.size() - 1;
    if (last == 0 && strides_[0] == 1) return at(codes_, begin, width_);
    std::int64_t index = begin % sizes_[last], outer = begin / sizes_[last];
    for (std::int64_t done = 0; done < count; ++outer) {
        std::int64_t offset = 0, rest = outer;
        for (std::size_t axis = last; axis-- > 0;) {
            offset += rest % sizes_[axis] * strides_[axis];
            rest /= sizes_[axis];
        }
        const std::int64_t run = std::min(count - done, sizes_[last] - index);
        void* out = at(buffer, done, width_);
        if (strides_[last] == 0) {
            repeat(at(codes_, offset, width_), width_, run, out);
        } else {
            std::memcpy(out, at(codes_, offset + index, width_), static_cast<std::size_t>(run * width_));
        }
        done += run;
        index = 0;
    }
    return buffer;
}

}  // namespace taper
