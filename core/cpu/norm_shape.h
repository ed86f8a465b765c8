// How normalisation walks over x [N, C, ...]: by sequences of elements that share a mean, and by segments in the order in which x lies.
#pragma once

#include <algorithm>
#include <cstring>

#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/reduce_kernels.h>
#include <taper/core/norm.h>

namespace taper::cpu {

// `count` sequences of `length` elements: element i of sequence q lies at q apart + i / piece step + i % piece.
struct Sequences {
    std::int64_t count, length, piece, step, apart;
};

struct NormShape {
    std::int64_t n, c, s, groups;  // x [n, c, s]

    NormShape(const Shape& x, const core::NormSpec& spec) : n(x[0]), c(x[1]), s(1), groups(spec.groups) {
        for (int axis = 2; axis < x.rank(); ++axis) s *= x[axis];
    }

    bool by_channel() const { return groups == 0; }
    std::int64_t row() const { return c / groups * s; }            // elements of a group within one sample
    std::int64_t repeats() const { return by_channel() ? 1 : s; }  // of a channel's weight: rows have one a column
    Sequences sequences() const { return by_channel() ? Sequences{c, n * s, s, c * s, s} : Sequences{n * groups, row(), row(), row(), row()}; }

    // Neighbouring elements of one channel, of one row, or (where s is 1) of one sample.
    struct Segment {
        std::int64_t done, count;  // where it begins, from the first element asked for
        std::int64_t group;        // the first element's mean
        std::int64_t affine;       // the first element's weight
    };
    template <class Body>
    void for_segments(std::int64_t begin, std::int64_t count, const Body& body) const {
        const std::int64_t length = !by_channel() ? row() : s > 1 ? s : c;
        std::int64_t index = begin / length, offset = begin % length;
        for (std::int64_t done = 0; done < count; ++index, offset = 0) {
            const std::int64_t size = std::min(count - done, length - offset);
            if (!by_channel()) {
                body(Segment{done, size, index, index % groups * row() + offset});
            } else if (s > 1) {
                body(Segment{done, size, index % c, index % c});
            } else {
                body(Segment{done, size, offset, offset});
            }
            done += size;
        }
    }
};

template <class T>
class SequenceReader {
  public:
    SequenceReader(const Tensor& x, const Sequences& z) : in_(x), codes_(x.data()), width_(x.format().storage_bytes()), z_(z) {}

    // Elements [begin, begin + count) of one sequence, count <= lane_block; in `buffer` or where the tensor holds them.
    const T* read(std::int64_t sequence, std::int64_t begin, std::int64_t count, T* buffer) const {
        alignas(64) unsigned char gathered[lane_block * sizeof(double)];
        const std::int64_t first = sequence * z_.apart;
        std::int64_t piece = begin / z_.piece, offset = begin % z_.piece;
        if (offset + count <= z_.piece) return in_.read(first + piece * z_.step + offset, count, buffer);
        void* codes = in_.direct() ? static_cast<void*>(buffer) : gathered;
        for (std::int64_t done = 0; done < count; ++piece, offset = 0) {
            const std::int64_t size = std::min(count - done, z_.piece - offset);
            std::memcpy(at(codes, done, width_), at(codes_, first + piece * z_.step + offset, width_), static_cast<std::size_t>(size * width_));
            done += size;
        }
        in_.decoded(codes, count, buffer);
        return buffer;
    }

    // Whether the pieces of a sequence can be read where they lie, in runs of whole groups of sum_lanes.
    bool lies_in_lanes() const { return in_.direct() && z_.piece % sum_lanes == 0; }
    // The length of the run that begins at `begin`, at most `count`.
    std::int64_t run(std::int64_t begin, std::int64_t count) const { return std::min(count, z_.piece - begin % z_.piece); }

  private:
    Reader<T> in_;
    const void* codes_;
    int width_;
    Sequences z_;
};

}  // namespace taper::cpu
