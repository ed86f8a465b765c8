#include <taper/cuda/backend.h>

#include <memory>
#include <mutex>
#include <vector>

#include <taper/cuda/element_io.h>
#include <taper/formats/convert.h>

namespace taper {

namespace cuda {

void* CudaBackend::allocate(std::size_t bytes) { return bytes == 0 ? nullptr : runtime_.allocate(bytes); }

void CudaBackend::release(void* block, std::size_t bytes) noexcept {
    if (block != nullptr) runtime_.release(block, bytes);
}

namespace {

// The 256 values of a format of at most 8 bits, on the device for as long as the process lives.
const float* value_table(Runtime& runtime, const Format& format) {
    static std::mutex mutex;
    struct Table {
        int device;
        Format format;
        const float* values;
    };
    static auto& tables = *new std::vector<Table>;  // few; never destroyed, as the backends
    const Runtime::Turn turn = runtime.turn();  // before the lock
    const std::lock_guard<std::mutex> lock(mutex);
    for (const Table& table : tables)
        if (table.device == runtime.index() && table.format == format) return table.values;
    std::uint8_t codes[256];
    float values[256] = {};
    for (int code = 0; code < 256; ++code) codes[code] = static_cast<std::uint8_t>(code);
    decode(format, codes, std::size_t{1} << format.bits(), values);
    void* const block = runtime.allocate(sizeof(values));
    runtime.copy_in(values, block, sizeof(values));
    runtime.synchronize();  // before others use it: not part of a step that could get lost
    return tables.emplace_back(Table{runtime.index(), format, static_cast<const float*>(block)}).values;
}

struct FamilyOf {
    DeviceFormat operator()(const Float32&) const { return {}; }
    DeviceFormat operator()(const Float64&) const { return {.kind = DeviceFormat::Kind::float64}; }
    DeviceFormat operator()(const Int32&) const { return {.kind = DeviceFormat::Kind::int32}; }
    DeviceFormat operator()(const UInt8&) const { return {.kind = DeviceFormat::Kind::uint8}; }
    DeviceFormat operator()(const E8M0&) const { return {.kind = DeviceFormat::Kind::e8m0}; }
    DeviceFormat operator()(const Posit& p) const { return {.kind = DeviceFormat::Kind::posit, .posit = p}; }
    DeviceFormat operator()(const Minifloat& m) const { return {.kind = DeviceFormat::Kind::minifloat, .minifloat = m}; }
    DeviceFormat operator()(const Fixed& f) const { return {.kind = DeviceFormat::Kind::fixed, .fixed = f}; }
};

}  // namespace

DeviceFormat device_format(Runtime& runtime, const Format& format) {
    DeviceFormat f = visit(format, FamilyOf{});
    f.bytes = static_cast<std::uint8_t>(format.storage_bytes());
    f.has_nan = format.has_nan();
    f.scale = format.scale_exponent();
    if (format.bits() <= 8 && format != Format::uint8() && format.exact_in_float32()) f.values = value_table(runtime, format);
    return f;
}

}  // namespace cuda

// Never destroyed: tensors with static storage are freed after they would be.
Backend* cuda_backend(int index) {
    static std::mutex mutex;
    static auto& backends = *new std::vector<std::unique_ptr<cuda::CudaBackend>>(static_cast<std::size_t>(cuda::device_count()));
    if (index < 0 || index >= static_cast<int>(backends.size())) return nullptr;
    const std::lock_guard<std::mutex> lock(mutex);
    std::unique_ptr<cuda::CudaBackend>& found = backends[static_cast<std::size_t>(index)];
    if (!found) found = std::make_unique<cuda::CudaBackend>(index);
    return found.get();
}

}  // namespace taper
