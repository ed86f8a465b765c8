// Pooling loops, compiled once per CPU level.
// Rows of feature maps are short (14, 5): loops run over many rows at once, or over whole vectors of a row with the excess overwritten by the
// next one, in buffers with room behind.
#include <taper/core/cpu/pool_kernels.h>
#include <taper/formats/host_device.h>

namespace taper::TAPER_LEVEL {
namespace {

constexpr std::size_t tile = 1024;  // windows, or values of a pair of rows, in flight on the stack

template <class T>
constexpr std::size_t lanes = 64 / sizeof(T);

template <class T>
constexpr std::size_t rounded_up(std::size_t n) {
    return (n + lanes<T> - 1) & ~(lanes<T> - 1);
}

struct FloatOrder {
    using Value = float;
    using Index = std::uint32_t;  // as wide as a value, so that one vector loop serves both
    // The winner of a and b, and all bits of the index set where it is b.
    TAPER_FN static float winner(float a, float b, Index& second) {
        const bool beats = !(b <= a) & (a == a);
        second = beats ? ~Index{0} : Index{0};
        return beats ? b : a;
    }
    TAPER_FN float key(float x) const { return x; }
    TAPER_FN float value(float key) const { return key; }
};

template <class Code>
struct CodeOrder {
    using Value = Code;
    using Index = Code;
    Code flip, less;
    TAPER_FN static Code winner(Code a, Code b, Code& second) {
        const Code best = b > a ? b : a;
        second = best == a ? Code{0} : static_cast<Code>(~Code{0});
        return best;
    }
    TAPER_FN Code key(Code x) const { return static_cast<Code>((x ^ flip) - less); }
    TAPER_FN Code value(Code key) const { return static_cast<Code>(static_cast<Code>(key + less) ^ flip); }
};

// The winners of n pairs of neighbours.
template <class Order, class Value, class Index>
TAPER_FN void neighbours(const Order& order, const Value* __restrict x, std::size_t n, Value* __restrict best, Index* __restrict index) {
    for (std::size_t j = 0; j < n; ++j) {
        const Value a = order.key(x[2 * j]), b = order.key(x[2 * j + 1]);
        Index second;
        best[j] = Order::winner(a, b, second);
        index[j] = static_cast<Index>(second & 1);
    }
}

// The winners of the rows' winners, whole vectors of a row.
template <class Order, class Value, class Index>
TAPER_FN void two_rows(const Order& order, const Value* __restrict best, const Index* __restrict index, std::size_t q, Value* __restrict y, Index* __restrict number) {
    const std::size_t n = rounded_up<Value>(q);
    for (std::size_t j = 0; j < n; ++j) {
        Index lower;
        y[j] = order.value(Order::winner(best[j], best[q + j], lower));
        number[j] = static_cast<Index>((lower & (index[q + j] | 2)) | (static_cast<Index>(~lower) & index[j]));
    }
}

template <class Value>
TAPER_FN void copy(const Value* __restrict from, std::size_t n, Value* __restrict to) {
    for (std::size_t j = 0; j < n; ++j) to[j] = from[j];
}

// Columns [0, q) of `pairs` pairs of rows, pairs q <= tile.
template <class Order>
TAPER_FN void max_tile(const Order& order, const RowPairs& rows, const typename Order::Value* x, typename Order::Value* y, std::uint8_t* __restrict index) {
    using Value = typename Order::Value;
    using Index = typename Order::Index;
    alignas(64) Value best[2 * tile + lanes<Value>], winners[tile + lanes<Value>];
    alignas(64) Index first[2 * tile + lanes<Value>], numbers[tile + lanes<Value>];
    const std::size_t q = rows.q, n = rows.pairs * q;
    if (rows.width == 2 * q) {
        neighbours(order, x, 2 * n, best, first);
    } else {
        for (std::size_t row = 0; row < 2 * rows.pairs; ++row) neighbours(order, x + row * rows.width, q, best + row * q, first + row * q);
    }
    for (std::size_t pair = 0; pair < rows.pairs; ++pair) two_rows(order, best + 2 * pair * q, first + 2 * pair * q, q, winners + pair * q, numbers + pair * q);
    copy(winners, n, y);
    for (std::size_t j = 0; j < n; ++j) index[j] = static_cast<std::uint8_t>(numbers[j]);
}

template <class Order>
TAPER_FN void max_pool(const Order& order, const RowPairs& rows, const typename Order::Value* x, typename Order::Value* y, std::uint8_t* index) {
    const std::size_t width = rows.q < tile ? rows.q : tile, together = tile / width;
    for (std::size_t pair = 0; pair < rows.pairs; pair += together) {
        const std::size_t pairs = rows.pairs - pair < together ? rows.pairs - pair : together;
        for (std::size_t column = 0; column < rows.q; column += width) {  // more than one where a row alone is longer than a tile; then pairs is 1
            const std::size_t q = rows.q - column < width ? rows.q - column : width;
            max_tile(order, {pairs, rows.width, q}, x + 2 * pair * rows.width + 2 * column, y + pair * rows.q + column, index + pair * rows.q + column);
        }
    }
}

void max_float(const RowPairs& rows, const float* x, float* y, std::uint8_t* index) { max_pool(FloatOrder{}, rows, x, y, index); }

template <class Code>
void max_codes(const RowPairs& rows, std::uint32_t flip, std::uint32_t less, const void* x, void* y, std::uint8_t* index) {
    max_pool(CodeOrder<Code>{static_cast<Code>(flip), static_cast<Code>(less)}, rows, static_cast<const Code*>(x), static_cast<Code*>(y), index);
}

// Both rows of every window of a tile, one after the other for all windows: upper[2 j], upper[2 j + 1] and lower likewise.
template <class Code>
TAPER_FN void spread(const Code* __restrict dy, const std::uint8_t* __restrict index, std::size_t n, Code* __restrict upper, Code* __restrict lower) {
    alignas(64) Code wide[tile];
    for (std::size_t j = 0; j < n; ++j) wide[j] = index[j];
    for (std::size_t j = 0; j < n; ++j) {
        const Code d = dy[j], w = wide[j];
        upper[2 * j] = static_cast<Code>(w == 0 ? d : Code{0});
        upper[2 * j + 1] = static_cast<Code>(w == 1 ? d : Code{0});
    }
    for (std::size_t j = 0; j < n; ++j) {
        const Code d = dy[j], w = wide[j];
        lower[2 * j] = static_cast<Code>(w == 2 ? d : Code{0});
        lower[2 * j + 1] = static_cast<Code>(w == 3 ? d : Code{0});
    }
}

template <class Code>
TAPER_FN void backward_tile(const RowPairs& rows, const Code* dy, const std::uint8_t* index, Code* dx) {
    alignas(64) Code upper[2 * tile + lanes<Code>], lower[2 * tile + lanes<Code>], image[4 * tile + lanes<Code>];
    const std::size_t q = rows.q, row = 2 * q;
    spread(dy, index, rows.pairs * q, upper, lower);
    if (rows.width == row) {
        for (std::size_t pair = 0; pair < rows.pairs; ++pair) {
            copy(upper + pair * row, rounded_up<Code>(row), image + 2 * pair * row);
            copy(lower + pair * row, rounded_up<Code>(row), image + (2 * pair + 1) * row);
        }
        copy(image, 2 * rows.pairs * row, dx);
        return;
    }
    for (std::size_t pair = 0; pair < rows.pairs; ++pair) {
        copy(upper + pair * row, row, dx + 2 * pair * rows.width);
        copy(lower + pair * row, row, dx + (2 * pair + 1) * rows.width);
    }
}

template <class Code>
void max_backward(const RowPairs& rows, const void* dy, const std::uint8_t* index, void* dx) {
    const Code* in = static_cast<const Code*>(dy);
    Code* out = static_cast<Code*>(dx);
    if (rows.width != 2 * rows.q) {
        for (std::size_t j = 0; j < 2 * rows.pairs * rows.width; ++j) out[j] = 0;
    }
    const std::size_t width = rows.q < tile ? rows.q : tile, together = tile / width;
    for (std::size_t pair = 0; pair < rows.pairs; pair += together) {
        const std::size_t pairs = rows.pairs - pair < together ? rows.pairs - pair : together;
        for (std::size_t column = 0; column < rows.q; column += width) {
            const std::size_t q = rows.q - column < width ? rows.q - column : width;
            backward_tile({pairs, rows.width, q}, in + pair * rows.q + column, index + pair * rows.q + column, out + 2 * pair * rows.width + 2 * column);
        }
    }
}

constexpr PoolKernels kernels = {max_float,
                                 {max_codes<std::uint8_t>, max_codes<std::uint16_t>},
                                 {max_backward<std::uint8_t>, max_backward<std::uint16_t>, max_backward<std::uint32_t>, max_backward<std::uint64_t>}};

}  // namespace

const PoolKernels& pool_kernels() { return kernels; }

}  // namespace taper::TAPER_LEVEL
