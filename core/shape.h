// Shape: the sizes of a tensor's axes, row-major (last axis contiguous).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace taper {

class Shape {
  public:
    Shape() = default;  // [] : one element
    // One size may be -1, left open for reshape() to find.  Throws Error on another negative size, a second -1, or more than 2^62 elements
    // (sizes of 0 counted as 1).
    Shape(std::initializer_list<std::int64_t> sizes);
    explicit Shape(std::vector<std::int64_t> sizes);

    int rank() const { return static_cast<int>(sizes_.size()); }
    std::int64_t operator[](int axis) const;  // negative axes count from the end; throws Error outside [-rank, rank)
    std::int64_t elements() const;            // 1 for rank 0; throws Error if a size is open
    const std::vector<std::int64_t>& sizes() const { return sizes_; }
    std::vector<std::int64_t> strides() const;  // in elements; throws Error if a size is open
    int axis(int a) const;                      // -1 -> rank - 1; throws Error outside
    std::string str() const;                    // "[64, 784]"
    friend bool operator==(const Shape&, const Shape&) = default;

  private:
    std::vector<std::int64_t> sizes_;
    std::int64_t elements_ = 1;  // -1: a size is open
};

// NumPy's rule, aligned at the last axis, 1 stretches; throws Error naming `op` and both shapes.
Shape broadcast(const Shape& a, const Shape& b, const char* op);

}  // namespace taper
