#include <taper/core/io.h>

#include <algorithm>
#include <bit>
#include <vector>

#include <fmt/format.h>

#include <taper/core/file.h>
#include <taper/core/safetensors.h>
#include <taper/formats/error.h>

namespace taper {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian data");

constexpr std::string_view format_prefix = "taper.format.";
constexpr std::uint64_t longest_header = 100'000'000;  // as in the reference implementation: a sparse file may claim any size

struct Dtype {
    const char* name;
    Format format;
};

// The formats that have a dtype of their own.
const std::vector<Dtype>& dtypes() {
    static const std::vector<Dtype> list = {{"F64", Format::float64()}, {"F32", Format::float32()}, {"F16", Format::parse("fp16")},
                                            {"BF16", Format::parse("bf16")}, {"I32", Format::int32()}, {"U8", Format::uint8()}};
    return list;
}

std::string code_dtype(const Format& format) { return fmt::format("U{}", 8 * format.storage_bytes()); }

const char* own_dtype(const Format& format) {
    for (const Dtype& dtype : dtypes()) {
        if (dtype.format == format) return dtype.name;
    }
    return nullptr;
}

// Wider codes first, so that each tensor's data lies on a multiple of its codes' size; then by name.
std::vector<const NamedTensors::value_type*> in_order(const NamedTensors& tensors) {
    std::vector<const NamedTensors::value_type*> order;
    for (const auto& named : tensors) order.push_back(&named);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->second.format().storage_bytes() > b->second.format().storage_bytes(); });
    return order;
}

class Reader {
  public:
    explicit Reader(const std::filesystem::path& path) : name_(path.string()), file_(path) {
        std::uint64_t length = 0;
        if (file_.size() < sizeof(length)) throw Error(fmt::format("load: the file is too short: {}: {} bytes (want 8 and a header)", name_, file_.size()));
        file_.read(0, &length, sizeof(length));
        if (length > file_.size() - sizeof(length)) {
            throw Error(fmt::format("load: the header is longer than the file: {}, byte 0: {} bytes (want at most {})", name_, length, file_.size() - sizeof(length)));
        }
        if (length > longest_header) throw Error(fmt::format("load: the header is too long: {}, byte 0: {} bytes (want at most {})", name_, length, longest_header));
        std::string text(static_cast<std::size_t>(length), '\0');
        file_.read(sizeof(length), text.data(), text.size());
        header_ = safetensors::parse_header(text, name_);
        data_begin_ = sizeof(length) + length;
        check_layout();
    }

    Loaded load() {
        Loaded result;
        for (const auto& [name, entry] : header_.entries) result.tensors.emplace(name, tensor(name, entry));
        for (const auto& [key, value] : header_.metadata) {
            if (!key.starts_with(format_prefix)) result.metadata.emplace(key, value);
        }
        return result;
    }

  private:
    [[noreturn]] void fail(const std::string& tensor, const std::string& what) const {
        throw Error(fmt::format("load: damaged or foreign: {}, tensor {:?}: {}", name_, tensor.substr(0, 100), what));
    }

    // The data is what the tensors cover, without gaps and overlaps.
    void check_layout() const {
        using Place = std::pair<const std::string, safetensors::Entry>;
        std::vector<const Place*> places;
        for (const Place& place : header_.entries) places.push_back(&place);
        std::sort(places.begin(), places.end(), [](const Place* a, const Place* b) {
            return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
        });
        const std::uint64_t size = file_.size() - data_begin_;
        std::uint64_t covered = 0;
        for (const Place* place : places) {
            const auto& [dtype, shape, begin, end] = place->second;
            if (begin > end || end > size) fail(place->first, fmt::format("data_offsets [{}, {}] lie outside the data (want at most {})", begin, end, size));
            if (begin != covered) fail(place->first, fmt::format("data_offsets [{}, {}] leave a gap or overlap (want {} as the first)", begin, end, covered));
            covered = end;
        }
        if (covered != size) throw Error(fmt::format("load: the file is longer than its tensors: {}, byte {}: {} bytes are left", name_, data_begin_ + covered, size - covered));
    }

    Format format(const std::string& name, const safetensors::Entry& entry) const {
        const auto named = header_.metadata.find(std::string(format_prefix) + name);
        if (named == header_.metadata.end()) {
            for (const Dtype& dtype : dtypes()) {
                if (entry.dtype == dtype.name) return dtype.format;
            }
            fail(name, fmt::format("unknown dtype \"{}\" (want F64, F32, F16, BF16, I32, I64, U8, or codes with their format in the metadata)", entry.dtype.substr(0, 40)));
        }
        try {
            const Format format = Format::parse(named->second);
            if (entry.dtype == code_dtype(format)) return format;
            fail(name, fmt::format("dtype {} does not hold codes of {} (want {})", entry.dtype.substr(0, 40), format.name(), code_dtype(format)));
        } catch (const Error& error) {
            if (std::string_view(error.what()).starts_with("load:")) throw;
            fail(name, error.what());
        }
    }

    Shape shape(const std::string& name, const safetensors::Entry& entry) const {
        try {
            return Shape(entry.shape);
        } catch (const Error& error) {
            fail(name, error.what());
        }
    }

    // The size in bytes that the entry claims, which must be that of the shape's elements.
    std::size_t checked_bytes(const std::string& name, const safetensors::Entry& entry, const Shape& shape, const std::string& kind, std::uint64_t width) const {
        const std::uint64_t bytes = entry.end - entry.begin;
        if (bytes % width != 0 || bytes / width != static_cast<std::uint64_t>(shape.elements())) {
            fail(name, fmt::format("{} bytes for {} of {} (want {} elements of {} bytes)", bytes, shape.str(), kind, shape.elements(), width));
        }
        return static_cast<std::size_t>(bytes);
    }

    // PyTorch's integers, which are counts and labels here.
    Tensor narrowed(const std::string& name, const safetensors::Entry& entry) const {
        const Shape shape = this->shape(name, entry);
        std::vector<std::int64_t> wide(checked_bytes(name, entry, shape, "I64", sizeof(std::int64_t)) / sizeof(std::int64_t));
        file_.read(data_begin_ + entry.begin, wide.data(), wide.size() * sizeof(std::int64_t));
        std::vector<std::int32_t> values;
        for (const std::int64_t value : wide) {
            values.push_back(static_cast<std::int32_t>(value));
            if (values.back() != value) fail(name, fmt::format("{} at {} does not fit int32, which I64 is read as", value, values.size() - 1));
        }
        return Tensor::from(std::span<const std::int32_t>(values), shape, Device::cpu());
    }

    Tensor tensor(const std::string& name, const safetensors::Entry& entry) const {
        if (entry.dtype == "I64" && !header_.metadata.contains(std::string(format_prefix) + name)) return narrowed(name, entry);
        const Format format = this->format(name, entry);
        const Shape shape = this->shape(name, entry);
        const std::size_t bytes = checked_bytes(name, entry, shape, format.name(), static_cast<std::uint64_t>(format.storage_bytes()));
        Tensor result = Tensor::empty(shape, format, Device::cpu());
        file_.read(data_begin_ + entry.begin, result.mutable_data(), bytes);
        check_codes(name, result);
        return result;
    }

    void check_codes(const std::string& name, const Tensor& x) const {
        switch (x.format().storage_bytes()) {
            case 1: return check_codes<std::uint8_t>(name, x);
            case 2: return check_codes<std::uint16_t>(name, x);
            case 4: return check_codes<std::uint32_t>(name, x);
            default: return;
        }
    }

    template <class Code>
    void check_codes(const std::string& name, const Tensor& x) const {
        const int bits = x.format().bits();
        if (bits == 8 * static_cast<int>(sizeof(Code))) return;
        const Code* codes = static_cast<const Code*>(x.data());
        const Code limit = static_cast<Code>(std::uint64_t{1} << bits);
        const Code* bad = std::find_if(codes, codes + x.elements(), [=](Code code) { return code >= limit; });
        if (bad != codes + x.elements()) fail(name, fmt::format("code 0x{:x} at {} has stray upper bits (want {} bits of {})", *bad, bad - codes, bits, x.format().name()));
    }

    std::string name_;
    OldFile file_;
    safetensors::Header header_;
    std::uint64_t data_begin_ = 0;
};

}  // namespace

void save(const std::filesystem::path& file, const NamedTensors& tensors, const Metadata& metadata) {
    safetensors::Header header{.entries = {}, .metadata = metadata};
    for (const auto& [key, value] : metadata) {
        if (key.starts_with(format_prefix)) throw Error(fmt::format("save: the key is reserved: {}, metadata \"{}\" (want none that begins with {})", file.string(), key, format_prefix));
    }
    const auto order = in_order(tensors);
    std::uint64_t offset = 0;
    for (const auto* named : order) {
        const auto& [name, tensor] = *named;
        if (name == "__metadata__") throw Error(fmt::format("save: the name is reserved: {}, tensor \"{}\" (want another)", file.string(), name));
        const char* own = own_dtype(tensor.format());
        if (own == nullptr) header.metadata[std::string(format_prefix) + name] = tensor.format().name();
        header.entries[name] = {own != nullptr ? own : code_dtype(tensor.format()), tensor.shape().sizes(), offset, offset + tensor.bytes()};
        offset += tensor.bytes();
    }
    const std::string text = safetensors::write_header(header);
    const std::uint64_t length = text.size();
    NewFile out(file);
    out.write(&length, sizeof(length));
    out.write(text.data(), text.size());
    for (const auto* named : order) out.write(named->second.to(Device::cpu()).data(), named->second.bytes());
    out.commit();
}

Loaded load(const std::filesystem::path& file) { return Reader(file).load(); }

}  // namespace taper
