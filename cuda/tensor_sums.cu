// Sums in float32 by cuBLASLt.  Values that bfloat16 holds go to the tensor cores, whose products are then exact; values of up to 16 significant bits
// go there as pairs high + low, four products added into the same sums; all else stays in float32.
#include <taper/cuda/tensor_sums.h>

#include <optional>

#include <taper/cuda/array_convert.h>
#include <taper/cuda/divisor.h>

namespace taper::cuda {

namespace {

using Kind = Decoding::Kind;

constexpr std::int64_t most_elements = std::int64_t{1} << 27;  // of a side that is laid out, and of sums, at a time
#if defined(__CUDACC__)
constexpr std::int64_t most_sums = std::int64_t{1} << 23, least_rows = 128;  // of a matrix at a time: 32 MiB stay in a device's cache until they are encoded
#else
constexpr std::int64_t most_sums = std::int64_t{1} << 10, least_rows = 8;  // so that small tests reach it
#endif
constexpr std::int64_t most_together = 32768;                  // matrices of one call

// --- Matrices that the library reads where they lie decoded.

// One side of all problems of a batch: rows of `row` elements of its tensor, padded to `at.stride`.
struct Matrix {
    GemmLayout at;
    std::int64_t row;
    std::int64_t offset(std::int64_t base) const { return base / row * at.stride; }
};

std::optional<Matrix> matrix(const SumSideShape& side, const Tensor& x, const std::vector<SumBase>& batch, std::int64_t SumBase::*base, Kind kind) {
    if (side.framing.planes != 0 || side.line.axes != 1 || side.term.axes != 1 || side.line.first != 0 || side.term.first != 0) return {};
    const auto [lines, line] = side.line.axis[0];
    const auto [terms, term] = side.term.axis[0];
    const bool terms_first = term != 1;
    if (terms_first && line != 1) return {};
    const std::int64_t row = terms_first ? term : lines == 1 ? terms : line;
    if (row < 1 || row < (terms_first ? lines : terms) || x.elements() % row != 0) return {};
    for (const SumBase& entry : batch)
        if (entry.*base % row != 0) return {};
    return Matrix{{kind == Kind::float32 ? row : padded_terms(row, bfloat16_multiple), terms_first}, row};
}

Decoded decoded(const SumCall& call, const Tensor& x, const Matrix& m, Kind kind) {
    if (m.at.stride == m.row) return call.decoded.get(x, {kind});
    return call.decoded.get(x, {kind, m.row, 1, m.at.stride});
}

// The sums of all pairs of planes, in the order high high, high low, low high, low low; the bias is added last.
template <class Element>
struct Planes {
    const Element* plane[2];
    int count;
    Planes(const Decoded& d, std::int64_t offset, int planes) : plane{d.plane<Element>(0) + offset, d.plane<Element>(planes - 1) + offset}, count(planes) {}
    Planes(const Element* memory, std::int64_t size, int planes) : plane{memory, memory + (planes - 1) * size}, count(planes) {}
};

template <class Element>
void multiply(Runtime& runtime, GemmShape shape, const Planes<Element>& left, const Planes<Element>& right, float* sums, const float* bias = nullptr) {
    for (int i = 0; i < left.count; ++i) {
        for (int j = 0; j < right.count; ++j) {
            const bool last = i == left.count - 1 && j == right.count - 1;
            shape.add = i + j != 0;
            gemm(runtime, shape, left.plane[i], right.plane[j], sums, last ? bias : nullptr);
        }
    }
}

// The sums of matrices, whose outputs lie one behind the other.
template <class Element>
struct MatrixProducts {
    Runtime& runtime;
    const SumCall& call;
    Kind kind;
    Matrix left, right;
    std::int64_t m, n, k;

    void run() const {
        const Decoded a = decoded(call, call.left, left, kind), b = decoded(call, call.right, right, kind);
        const std::vector<SumBase>& batch = call.shape.batch;
        const bool in_place = call.y.format() == Format::float32() && !call.epilogue.relu;
        const std::int64_t most = in_place ? most_elements : most_sums;
        const std::int64_t entries = static_cast<std::int64_t>(batch.size()), rows = std::min(m, std::max(most / n / least_rows * least_rows, least_rows));
        const std::int64_t together = rows < m ? 1 : std::max<std::int64_t>(std::min(most_elements / (m * n), most_together), 1);
        const Buffer<float> sums(runtime, in_place ? 0 : rows * n * std::min(together, entries)), bias(runtime, call.bias.defined() ? n : 0);
        if (call.bias.defined()) decode_array<Whole>(runtime, n, Input(runtime, call.bias), bias.data());
        const Result y(runtime, call.y, call.epilogue);
        for (std::int64_t entry = 0, count = 0; entry < entries; entry += count) {
            const SumBase& base = batch[static_cast<std::size_t>(entry)];
            count = regular_entries(batch, entry, together);
            const SumBase& next = (&base)[count > 1 ? 1 : 0];
            if (count > 1 && (next.output - base.output != m * n || next.left < base.left || next.right < base.right)) count = 1;
            for (std::int64_t first = 0; first < m; first += rows) {
                const std::int64_t here = std::min(rows, m - first), output = base.output + first * n;
                float* const to = in_place ? static_cast<float*>(y.codes) + output : sums.data();
                const std::int64_t down = first * (left.at.terms_first ? 1 : left.at.stride);
                multiply<Element>(runtime, shape(here, base, count), {a, left.offset(base.left) + down, planes()}, {b, right.offset(base.right), planes()}, to,
                                  call.bias.defined() ? bias.data() : nullptr);
                if (!in_place) encode_array(runtime, count * here * n, to, y, output);
            }
        }
    }

  private:
    int planes() const { return Decoding{kind}.planes(); }
    GemmShape shape(std::int64_t rows, const SumBase& base, std::int64_t count) const {
        GemmShape s{rows, n, k, left.at, right.at, count};
        if (count == 1) return s;
        const SumBase& next = (&base)[1];
        s.a.step = left.offset(next.left) - left.offset(base.left);
        s.b.step = right.offset(next.right) - right.offset(base.right);
        return s;
    }
};

bool rows_of_outputs(const SumShape& s) {
    const Grid &i = s.left.output, &j = s.right.output;
    return i.axes == 1 && j.axes == 1 && i.first == 0 && j.first == 0 && j.axis[0].stride == 1 && i.axis[0].stride == s.columns() && !s.bias_of_rows;
}

// --- All else is laid out as matrices, by tables of offsets.

// Lines [first, first + count) of one side as rows of `width` terms, zeros behind the last.
template <class Convert>
void lay_out(Runtime& runtime, const SumSide<float> side, std::int64_t base, std::int64_t first, std::int64_t count, std::int64_t terms, const Divisor width,
             typename Convert::Element* to) {
    for_each(runtime, count * width, TAPER_BODY(std::int64_t i) {
        const std::int64_t line = i / width, k = i - line * width;
        to[i] = Convert()(k < terms ? side.at(base, first + line, k) : 0.0f);
    });
}

struct Lines {
    std::int64_t base, first, count, terms, width;
};

void lay_out_planes(Runtime& runtime, const SumSide<float>& side, const Lines& l, Kind, std::int64_t, float* to) {
    lay_out<Whole>(runtime, side, l.base, l.first, l.count, l.terms, l.width, to);
}
void lay_out_planes(Runtime& runtime, const SumSide<float>& side, const Lines& l, Kind kind, std::int64_t plane, Bfloat16* to) {
    if (kind == Kind::bfloat16) return lay_out<Narrow>(runtime, side, l.base, l.first, l.count, l.terms, l.width, to);
    lay_out<HighPart>(runtime, side, l.base, l.first, l.count, l.terms, l.width, to);
    lay_out<LowPart>(runtime, side, l.base, l.first, l.count, l.terms, l.width, to + plane);
}

void finish(Runtime& runtime, const DeviceSums<float> s, std::int64_t entry, std::int64_t first, const Divisor count, const float* sums, const Result y) {
    for_each(runtime, s.rows * count, TAPER_BODY(std::int64_t at) {
        const std::int64_t i = at / count, j = first + at - i * count;
        const float bias = s.has_bias() ? s.bias.at<float>(s.bias_at(entry, i, j)) : 0.0f;
        y.put(s.output(entry, i, j), s.has_bias() ? sums[at] + bias : sums[at]);
    });
}

template <class Element>
void multiply_laid_out(Runtime& runtime, const SumCall& call, Kind kind) {
    const SumProblem<float> problem(runtime, call);
    const DeviceSums<float> s = problem.sums();
    const int planes = Decoding{kind}.planes();
    const std::int64_t width = padded_terms(s.terms, bfloat16_multiple), step = std::max<std::int64_t>(std::min(s.columns, most_elements / width), 1);
    const Buffer<Element> left(runtime, planes * s.rows * width), right(runtime, planes * step * width);
    const Buffer<float> sums(runtime, s.rows * step);
    const Result y(runtime, call.y, call.epilogue);
    for (std::int64_t entry = 0; entry < s.batch; ++entry) {
        const SumBase& base = call.shape.batch[static_cast<std::size_t>(entry)];
        lay_out_planes(runtime, s.left, {base.left, 0, s.rows, s.terms, width}, kind, s.rows * width, left.data());
        for (std::int64_t first = 0; first < s.columns; first += step) {
            const std::int64_t count = std::min(step, s.columns - first);
            lay_out_planes(runtime, s.right, {base.right, first, count, s.terms, width}, kind, step * width, right.data());
            const Planes<Element> a(left.data(), s.rows * width, planes), b(right.data(), step * width, planes);
            multiply<Element>(runtime, dense_gemm(s.rows, count, width), a, b, sums.data());
            finish(runtime, s, entry, first, count, sums.data(), y);
        }
    }
}

// False where the products do not pay.
template <class Element>
bool multiply_all(Runtime& runtime, const SumCall& call, Kind kind) {
    const SumShape& s = call.shape;
    const std::int64_t m = s.rows(), n = s.columns(), k = s.terms();
    const auto left = matrix(s.left, call.left, s.batch, &SumBase::left, kind), right = matrix(s.right, call.right, s.batch, &SumBase::right, kind);
    const bool matrices = left && right && rows_of_outputs(s);
    if (!(matrices ? pays(static_cast<std::int64_t>(s.batch.size()) * m * n * k) : pays_to_lay_out(s))) return false;
    if (matrices)
        MatrixProducts<Element>{runtime, call, kind, *left, *right, m, n, k}.run();
    else
        multiply_laid_out<Element>(runtime, call, kind);
    return true;
}

}  // namespace

bool tensor_sums(Runtime& runtime, const SumCall& call) {
    const Format &left = call.left.format(), &right = call.right.format();
    if (call.bias.defined() && !call.bias.format().exact_in_float32()) return false;
    if (left.exact_in_bfloat16() && right.exact_in_bfloat16()) return multiply_all<Bfloat16>(runtime, call, Kind::bfloat16);
    if (fits_pairs(left) && fits_pairs(right)) return multiply_all<Bfloat16>(runtime, call, Kind::pair);
    return multiply_all<float>(runtime, call, Kind::float32);
}

}  // namespace taper::cuda
