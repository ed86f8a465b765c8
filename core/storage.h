// Storage: one block of a device's memory, shared by the tensors that show it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>

#include <taper/core/device.h>
#include <taper/core/memory.h>

namespace taper {

// What is known of the indices in a storage, so that a device need not read them back to check them.
struct IndexRange {
    std::int64_t least = 0, most = -1;  // all lie in [least, most]
    bool operator==(const IndexRange&) const = default;
};
struct PoolWindows {  // they are max_pool2d's, of images [h, w]
    std::int64_t kernel, stride, padding, h, w;
    bool operator==(const PoolWindows&) const = default;
};
using KnownIndices = std::variant<std::monostate, IndexRange, PoolWindows>;

class Storage {
  public:
    // Uninitialised, 64-byte aligned; counted under the current RoleScope.
    static std::shared_ptr<Storage> make(std::size_t bytes, const Device& device);
    ~Storage();
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;

    void* data() { return data_; }
    const void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }
    const Device& device() const { return device_; }
    Role role() const { return role_; }
    void set_role(Role role);  // moves the count
    std::uint64_t version() const { return version_; }
    void raise_version() {
        ++version_;
        forget();
    }
    // Of its present contents; set by who made them, before others see them.  Forgotten when something is about to write them, or has.
    const KnownIndices& known() const { return known_; }
    void know(const KnownIndices& known) { known_ = known; }
    void forget() {
        if (known_.index() != 0) known_ = {};
    }

  private:
    Storage() = default;
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
    Device device_;
    Role role_ = Role::other;
    std::uint64_t version_ = 0;
    KnownIndices known_;
};

}  // namespace taper
