// Tensor: a value handle on codes in one format; copies share, clone() copies.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <taper/core/device.h>
#include <taper/core/shape.h>
#include <taper/core/storage.h>
#include <taper/formats/format.h>
#include <taper/formats/number.h>
#include <taper/formats/rounding.h>

namespace taper {

class Tensor {
  public:
    Tensor() = default;  // holds nothing: defined() is false; every other member but the copies throws Error

    // Codes of unspecified content (every op writes all of its output).
    static Tensor empty(const Shape& shape, const Format& format = {}, const Device& device = default_device());
    static Tensor zeros(const Shape& shape, const Format& format = {}, const Device& device = default_device());
    // Rounds to nearest; throws Error on a NaN without a code.
    static Tensor full(const Shape& shape, double value, const Format& format = {}, const Device& device = default_device());
    // Rounds host values into the format, nearest; throws Error if their number differs from the shape's, or on a NaN without a code.
    static Tensor from(std::span<const float> values, const Shape& shape, const Format& format = {}, const Device& device = default_device());
    static Tensor from(std::span<const double> values, const Shape& shape, const Format& format = {}, const Device& device = default_device());
    static Tensor from(std::initializer_list<float> values, const Shape& shape, const Format& format = {}, const Device& device = default_device());
    static Tensor from(std::span<const std::int32_t> values, const Shape& shape, const Device& device = default_device());  // int32
    // Throws Error on a code with bits beyond format.bits().
    static Tensor from_codes(std::span<const std::uint64_t> codes, const Shape& shape, const Format& format, const Device& device = default_device());
    static Tensor from_number(const Number& number);  // shape []

    bool defined() const { return storage_ != nullptr; }
    const Shape& shape() const;
    std::int64_t size(int axis) const { return shape()[axis]; }
    int rank() const { return shape().rank(); }
    std::int64_t elements() const { return shape().elements(); }
    const Format& format() const;
    const Device& device() const;
    std::size_t bytes() const { return static_cast<std::size_t>(elements()) * static_cast<std::size_t>(format().storage_bytes()); }

    // Out to the host.  These synchronise: they report NaN that met a format without one since the last report (Error).
    std::vector<float> to_vector() const;  // nearest, overflow to infinity
    std::vector<double> to_vector_double() const;
    std::vector<std::int32_t> to_int32_vector() const;  // int32 and uint8 tensors alone
    std::vector<std::uint64_t> codes() const;
    double item() const;  // of a tensor of one element; throws Error otherwise
    Number number(std::int64_t index) const;  // element `index` in row-major order

    // Value by value, rounded once; itself if the format is the same.  Throws Error from or to an index format.
    Tensor to(const Format& format, const RoundingMode& mode = {}) const;
    Tensor to(const Device& device) const;
    Tensor clone() const;
    Tensor reshape(const Shape& shape) const;  // shares; one size may be -1; throws Error if the number of elements differs

    // Overwrites the contents and raises version(): for optimizers and buffers.  Throws Error unless shape, format and device are the same.
    void assign(const Tensor& source);
    std::uint64_t version() const;
    void set_role(Role role) const;  // of the storage, for memory_statistics()

    // For backends.  data() of the codes on the device.
    const void* data() const;
    void* mutable_data();  // a fresh output, or a tensor whose version the caller raises; forgets what is known of its indices
    const std::shared_ptr<Storage>& storage() const { return storage_; }

    std::string str() const;  // like NumPy's print (print.h)

  private:
    std::shared_ptr<Storage> storage_;
    Shape shape_;
    Format format_;
};

}  // namespace taper
