#include <taper/core/cpu/conv_frame.h>

#include <algorithm>

#include <taper/core/cpu/bfloat_kernels.h>

namespace taper::cpu {

namespace {

// First index i >= 0 with i * step + origin >= 0, and the end of those with i * step + origin < size, among `count`.
struct Inside {
    std::int64_t begin, end;
    Inside(std::int64_t count, std::int64_t step, std::int64_t origin, std::int64_t size)
        : begin(origin >= 0 ? 0 : (-origin + step - 1) / step), end(size <= origin ? 0 : std::min(count, (size - origin + step - 1) / step)) {}
};

}  // namespace

void Frame::term_offsets(const ConvSizes& z, std::int64_t* offsets) const {
    for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t r = 0; r < z.r; ++r) {
            for (std::int64_t s = 0; s < z.s; ++s) *offsets++ = at(c, r * z.dilation, s * z.dilation);
        }
    }
}

template <class Element>
void Frame::place(RowCopy<Element> copy_rows, const Element* image, Element* frame) const {
    const Inside lines(height, step, top, rows), pixels(width, step, left, columns);
    if (lines.begin >= lines.end || pixels.begin >= pixels.end) return;
    if (step == 1 && phases == 1) {
        for (std::int64_t c = 0; c < channels; ++c) {
            copy_rows(image + (c * height + lines.begin) * width + pixels.begin, width, lines.end - lines.begin, pixels.end - pixels.begin,
                      frame + at(c, lines.begin + top, pixels.begin + left), columns);
        }
        return;
    }
    // Pixels that are `phases` apart are neighbours in a plane (phases > 1 comes with step 1), those next to each other `step` apart.
    for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t i = lines.begin; i < lines.end; ++i) {
            const Element* const from = image + (c * height + i) * width;
            for (std::int64_t first = pixels.begin; first < std::min(pixels.begin + phases, pixels.end); ++first) {
                Element* to = frame + at(c, i * step + top, first * step + left);
                for (std::int64_t j = first; j < pixels.end; j += phases, to += step) *to = from[j];
            }
        }
    }
}

template void Frame::place(RowCopy<float>, const float*, float*) const;
template void Frame::place(RowCopy<Bfloat>, const Bfloat*, Bfloat*) const;
template void Frame::place(RowCopy<BfloatPair>, const BfloatPair*, BfloatPair*) const;

}  // namespace taper::cpu
