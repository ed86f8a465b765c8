// Offsets: where the elements of a grid lie, as a table; its memory comes from the backend's cache of blocks, since a step asks for the same again.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>

#include <taper/core/storage.h>

namespace taper::cpu {

class Offsets {
  public:
    struct Axis {
        std::int64_t size, stride;
    };

    Offsets() = default;
    // Element (i_0, i_1, ...), the last index fastest, lies at first + sum_k i_k strides_k.  Counted under Role::decoded.
    explicit Offsets(std::initializer_list<Axis> axes, std::int64_t first = 0);

    std::int64_t size() const { return size_; }
    const std::int64_t* data() const { return data_; }
    std::int64_t operator[](std::int64_t i) const { return data_[i]; }

  private:
    std::shared_ptr<Storage> storage_;
    const std::int64_t* data_ = nullptr;
    std::int64_t size_ = 0;
};

}  // namespace taper::cpu
