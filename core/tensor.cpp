#include <taper/core/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/cpu/parallel.h>
#include <taper/core/print.h>
#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper {
namespace {

void check_count(const char* op, std::size_t values, const Shape& shape) {
    if (static_cast<std::int64_t>(values) == shape.elements()) return;
    throw Error(fmt::format("{}: number of values differs from the shape's: {} for {} (want {})", op, values, shape.str(), shape.elements()));
}

std::size_t size(const Tensor& x) { return static_cast<std::size_t>(x.elements()); }

void copy_codes(const Tensor& from, Tensor& to) {
    backend(from.device()).copy_strided(from, {.offset = 0, .strides = {1}}, to, {.offset = 0, .strides = {1}}, {from.elements()});
}

void report_nan(const char* op, const Device& device) {
    const std::size_t lost = backend(device).take_nan_count();
    if (lost == 0) return;
    throw Error(fmt::format("{}: NaN met a format without a code for it and became 0: {} since the last report (want a format with NaN)", op, lost));
}

// The codes where the host can read them, once all NaN have been reported.
Tensor on_host(const char* op, const Tensor& x) {
    Tensor host = x.to(Device::cpu());
    report_nan(op, x.device());
    return host;
}

template <class Real>
Tensor from_values(std::span<const Real> values, const Shape& shape, const Format& format, const Device& device) {
    check_count("Tensor::from", values.size(), shape);
    Tensor host = Tensor::empty(shape, format, Device::cpu());
    void* codes = host.mutable_data();
    const std::int64_t n = host.elements();
    constexpr std::int64_t chunk = 4096;
    std::size_t lost = 0;
#pragma omp parallel for schedule(static) reduction(+ : lost) if (n >= parallel_from)
    for (std::int64_t begin = 0; begin < n; begin += chunk) {
        lost += encode(format, values.data() + begin, static_cast<std::size_t>(std::min(chunk, n - begin)), at(codes, begin, format.storage_bytes()));
    }
    if (lost != 0) throw Error(fmt::format("Tensor::from: NaN has no code in {}: {} of {} values are NaN (want a format with NaN, or numbers)", format.name(), lost, n));
    return host.to(device);
}

// For copies of indices on a device.
void know_range(const Tensor& copy, const std::int32_t* values) {
    const auto [least, most] = std::minmax_element(values, values + copy.elements());
    copy.storage()->know(copy.elements() == 0 ? IndexRange() : IndexRange{*least, *most});
}

template <class Real>
std::vector<Real> values(const char* op, const Tensor& x) {
    const Tensor host = on_host(op, x);
    std::vector<Real> result(size(host));
    const void* codes = host.data();
    const Format format = host.format();
    for_chunks(host.elements(), 4096, [&](std::int64_t begin, std::int64_t end) {
        decode(format, at(codes, begin, format.storage_bytes()), static_cast<std::size_t>(end - begin), result.data() + begin);
    });
    return result;
}

template <class Code>
void widen(const Tensor& host, std::vector<std::uint64_t>& result) {
    const Code* codes = static_cast<const Code*>(host.data());
    std::copy(codes, codes + result.size(), result.begin());
}

template <class Code>
void narrow(std::span<const std::uint64_t> codes, Tensor& host) {
    Code* out = static_cast<Code*>(host.mutable_data());
    for (std::size_t i = 0; i < codes.size(); ++i) out[i] = static_cast<Code>(codes[i]);
}

// f.operator()<Code>() with the unsigned integer of the format's storage.
template <class F>
void visit_storage(const Format& format, F&& f) {
    switch (format.storage_bytes()) {
        case 1: return f.template operator()<std::uint8_t>();
        case 2: return f.template operator()<std::uint16_t>();
        case 4: return f.template operator()<std::uint32_t>();
        default: return f.template operator()<std::uint64_t>();
    }
}

std::vector<std::uint64_t> codes_of(const Tensor& host) {
    std::vector<std::uint64_t> result(size(host));
    visit_storage(host.format(), [&]<class Code>() { widen<Code>(host, result); });
    return result;
}

void require(const std::shared_ptr<Storage>& storage) {
    if (storage == nullptr) throw Error("tensor: it holds nothing: a default-constructed Tensor was used (want one made by from, zeros, empty or an op)");
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, const Format& format, const Device& device) {
    const std::int64_t width = format.storage_bytes();
    if (shape.elements() > std::numeric_limits<std::int64_t>::max() / width) {
        throw Error(fmt::format("Tensor::empty: too many bytes: {} of {} (want less than 2^63)", shape.str(), format.name()));
    }
    Tensor result;
    result.shape_ = shape;
    result.format_ = format;
    result.storage_ = Storage::make(static_cast<std::size_t>(shape.elements() * width), device);
    return result;
}

Tensor Tensor::zeros(const Shape& shape, const Format& format, const Device& device) { return full(shape, 0, format, device); }

Tensor Tensor::full(const Shape& shape, double value, const Format& format, const Device& device) {
    if (std::isnan(value) && !format.has_nan()) throw Error(fmt::format("Tensor::full: NaN has no code in {}: the value is NaN (want a format with NaN, or a number)", format.name()));
    Tensor result = empty(shape, format, device);
    backend(device).fill(result, value);
    return result;
}

Tensor Tensor::from(std::span<const float> values, const Shape& shape, const Format& format, const Device& device) {
    return from_values(values, shape, format, device);
}

Tensor Tensor::from(std::span<const double> values, const Shape& shape, const Format& format, const Device& device) {
    return from_values(values, shape, format, device);
}

Tensor Tensor::from(std::initializer_list<float> values, const Shape& shape, const Format& format, const Device& device) {
    return from_values(std::span<const float>(values.begin(), values.size()), shape, format, device);
}

Tensor Tensor::from(std::span<const std::int32_t> values, const Shape& shape, const Device& device) {
    check_count("Tensor::from", values.size(), shape);
    Tensor result = empty(shape, Format::int32(), device);
    backend(device).copy_in(values.data(), result.mutable_data(), values.size_bytes());
    if (device.kind != Device::Kind::cpu) know_range(result, values.data());
    return result;
}

Tensor Tensor::from_codes(std::span<const std::uint64_t> codes, const Shape& shape, const Format& format, const Device& device) {
    check_count("Tensor::from_codes", codes.size(), shape);
    for (std::size_t i = 0; i < codes.size() && format.bits() < 64; ++i) {
        if (codes[i] >> format.bits() == 0) continue;
        throw Error(fmt::format("Tensor::from_codes: a code has stray upper bits: 0x{:x} at {} (want {} bits of {})", codes[i], i, format.bits(), format.name()));
    }
    Tensor host = empty(shape, format, Device::cpu());
    visit_storage(format, [&]<class Code>() { narrow<Code>(codes, host); });
    return host.to(device);
}

Tensor Tensor::from_number(const Number& number) {
    const std::uint64_t code = number.code();
    return from_codes(std::span<const std::uint64_t>(&code, 1), {}, number.format());
}

const Shape& Tensor::shape() const {
    require(storage_);
    return shape_;
}

const Format& Tensor::format() const {
    require(storage_);
    return format_;
}

const Device& Tensor::device() const {
    require(storage_);
    return storage_->device();
}

std::vector<float> Tensor::to_vector() const { return values<float>("to_vector", *this); }
std::vector<double> Tensor::to_vector_double() const { return values<double>("to_vector_double", *this); }

std::vector<std::int32_t> Tensor::to_int32_vector() const {
    if (!format().is_index()) throw Error(fmt::format("to_int32_vector: the tensor holds no indices: {} (want int32 or uint8)", format_.name()));
    const std::vector<std::uint64_t> codes = codes_of(on_host("to_int32_vector", *this));
    std::vector<std::int32_t> result(codes.size());
    std::transform(codes.begin(), codes.end(), result.begin(), [](std::uint64_t code) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(code)); });
    return result;
}

std::vector<std::uint64_t> Tensor::codes() const { return codes_of(on_host("codes", *this)); }

double Tensor::item() const {
    if (elements() != 1) throw Error(fmt::format("item: the tensor has not one element: {} (want one element)", shape_.str()));
    const Tensor host = on_host("item", *this);
    double value = 0;
    decode(format_, host.data(), 1, &value);
    return value;
}

Number Tensor::number(std::int64_t index) const {
    if (index < 0 || index >= elements()) throw Error(fmt::format("number: no such element: {} of {} (want 0 to {})", index, shape_.str(), elements() - 1));
    Tensor one = empty({}, format_, Device::cpu());
    backend(device()).copy_out(at(data(), index, format_.storage_bytes()), one.mutable_data(), one.bytes());
    report_nan("number", device());
    return Number(format_, codes_of(one)[0]);
}

Tensor Tensor::to(const Format& format, const RoundingMode& mode) const {
    if (format == this->format()) return *this;
    if (format.is_index() || format_.is_index()) {
        throw Error(fmt::format("to: indices are not converted: {} to {} (want formats with arithmetic; to_int32_vector() reads indices)", format_.name(), format.name()));
    }
    Tensor result = empty(shape_, format, device());
    backend(device()).convert(*this, result, mode);
    return result;
}

Tensor Tensor::to(const Device& target) const {
    if (target == device()) return *this;
    Tensor result = empty(shape_, format_, target);
    if (target.kind == Device::Kind::cpu) {
        backend(device()).copy_out(data(), result.mutable_data(), bytes());
    } else {
        const Tensor host = to(Device::cpu());
        backend(target).copy_in(host.data(), result.mutable_data(), bytes());
        if (format_ == Format::int32()) know_range(result, static_cast<const std::int32_t*>(host.data()));
    }
    return result;
}

Tensor Tensor::clone() const {
    Tensor result = empty(shape(), format_, device());
    copy_codes(*this, result);
    return result;
}

Tensor Tensor::reshape(const Shape& shape) const {
    std::vector<std::int64_t> sizes = shape.sizes();
    std::int64_t known = 1;
    for (const std::int64_t size : sizes) known *= size == -1 ? 1 : size;
    const auto open = std::find(sizes.begin(), sizes.end(), -1);
    if (open != sizes.end() && known != 0) *open = elements() / known;
    if (open != sizes.end() && known == 0) *open = 0;
    Tensor result = *this;
    result.shape_ = Shape(std::move(sizes));
    if (result.shape_.elements() != elements()) {
        throw Error(fmt::format("reshape: numbers of elements differ: {} to {} (want {} elements)", shape_.str(), shape.str(), elements()));
    }
    return result;
}

void Tensor::assign(const Tensor& source) {
    if (source.shape() != shape() || source.format() != format() || source.device() != device()) {
        throw Error(fmt::format("assign: tensors differ: {} {} on {} into {} {} on {} (want the same shape, format and device)", source.format().name(), source.shape().str(),
                                source.device().name(), format_.name(), shape_.str(), device().name()));
    }
    if (source.storage_ != storage_) copy_codes(source, *this);
    storage_->raise_version();
}

std::uint64_t Tensor::version() const {
    require(storage_);
    return storage_->version();
}

void Tensor::set_role(Role role) const {
    require(storage_);
    storage_->set_role(role);
}

const void* Tensor::data() const {
    require(storage_);
    return storage_->data();
}

void* Tensor::mutable_data() {
    require(storage_);
    storage_->forget();
    return storage_->data();
}

std::string Tensor::str() const { return to_text(*this); }

}  // namespace taper
