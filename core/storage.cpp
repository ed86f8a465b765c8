#include <taper/core/storage.h>

#include <taper/core/backend.h>

namespace taper {

std::shared_ptr<Storage> Storage::make(std::size_t bytes, const Device& device) {
    std::shared_ptr<Storage> storage(new Storage);
    storage->device_ = device;
    storage->role_ = current_role();
    storage->data_ = backend(device).allocate(bytes);
    storage->bytes_ = bytes;
    count_memory(storage->role_, static_cast<std::int64_t>(bytes));
    return storage;
}

Storage::~Storage() {
    if (data_ == nullptr) return;
    backend(device_).release(data_, bytes_);
    count_memory(role_, -static_cast<std::int64_t>(bytes_));
}

// The total stays what it is, its peak too: the bytes leave one role before they enter the other.
void Storage::set_role(Role role) {
    count_memory(role_, -static_cast<std::int64_t>(bytes_));
    role_ = role;
    count_memory(role_, static_cast<std::int64_t>(bytes_));
}

}  // namespace taper
