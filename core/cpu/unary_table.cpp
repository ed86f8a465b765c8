#include <taper/core/cpu/unary_table.h>

#include <cstring>
#include <deque>
#include <mutex>

#include <taper/core/cpu/exact_ops.h>
#include <taper/core/cpu/parallel.h>

namespace taper {
namespace {

struct Key {
    Unary op;
    std::uint64_t a;  // bits of a double
    Format in, out;
    Rounding mode;
    friend bool operator==(const Key&, const Key&) = default;
};

UnaryTable build(const Key& key) {
    UnaryTable table;
    const int width = key.out.storage_bytes();
    const std::size_t codes = std::size_t{1} << key.in.bits();
    table.storage.resize(256 * static_cast<std::size_t>(width) / sizeof(std::uint64_t));
    table.is_lost.resize(256);
    for (std::size_t code = 0; code < codes; ++code) {
        const Unpacked exact = exact_unary(key.op, unpack_code(key.in, code), bits_as<double>(key.a));
        const std::uint64_t result = pack_code(key.out, exact, key.mode, 0);
        std::memcpy(at(table.storage.data(), static_cast<std::int64_t>(code), width), &result, static_cast<std::size_t>(width));
        table.is_lost[code] = exact.kind == Kind::nan && !key.out.has_nan();
        table.makes_nan |= table.is_lost[code];
    }
    return table;
}

}  // namespace

std::shared_ptr<const UnaryTable> unary_table(Unary op, double a, const Format& in, const Format& out, Rounding mode) {
    constexpr std::size_t most = 256;  // a factor that changes from step to step must not fill the memory
    static std::mutex mutex;
    static std::deque<std::pair<Key, std::shared_ptr<const UnaryTable>>> tables;
    const Key key = {op, bits_as<std::uint64_t>(a), in, out, mode};
    const std::lock_guard<std::mutex> lock(mutex);
    for (const auto& [k, table] : tables) {
        if (k == key) return table;
    }
    if (tables.size() == most) tables.pop_front();
    tables.emplace_back(key, std::make_shared<const UnaryTable>(build(key)));
    return tables.back().second;
}

}  // namespace taper
