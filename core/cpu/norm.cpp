// Batch, group and layer norm forward: moments by sequences of elements, then one pass over x in the order in which it lies.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/code_facts.h>
#include <taper/core/cpu/elementwise_kernels.h>
#include <taper/core/cpu/norm_parts.h>
#include <taper/core/running.h>
#include <taper/formats/cpu_level.h>

namespace taper {

const NormKernels& norm_kernels() {
#if defined(TAPER_X86_LEVELS)
    switch (cpu_level()) {
        case CpuLevel::avx512:
            return avx512::norm_kernels();
        case CpuLevel::avx2:
            return avx2::norm_kernels();
        default:
            break;
    }
#endif
    return plain::norm_kernels();
}

namespace {

using namespace cpu;

template <class T>
void moments_of(const Sequences& z, const Tensor& x, double* mean, double* variance) {
    const SequenceReader<T> in(x, z);
    std::vector<double> pivot(static_cast<std::size_t>(z.count));
    for (std::int64_t i = 0; i < z.count; ++i) {
        T first;
        pivot[static_cast<std::size_t>(i)] = static_cast<double>(*in.read(i, 0, 1, &first));
    }
    const TwoSums sums = sum_sequences(z, [&](std::int64_t sequence, std::int64_t begin, std::int64_t count, double* s, double* q) {
        alignas(64) T buffer[lane_block];
        for (std::int64_t done = 0, run = 0; done < count; done += run) {
            run = in.lies_in_lanes() ? in.run(begin + done, count - done) : count;
            loops<T>().moments(in.read(sequence, begin + done, run, buffer), pivot[static_cast<std::size_t>(sequence)], static_cast<std::size_t>(run), s, q);
        }
    });
    const double n = static_cast<double>(z.length);
    for (std::size_t i = 0; i < pivot.size(); ++i) {
        const double spread = (sums.q[i] - sums.s[i] * sums.s[i] / n) / n;
        mean[i] = pivot[i] + sums.s[i] / n;
        variance[i] = spread < 0 ? 0 : spread;
    }
}

// One segment (norm_shape.h) of y.
template <class T>
void normalize(const NormShape& z, const Affine& a, const NormShape::Segment& at, const T* x, double* y) {
    const std::size_t n = static_cast<std::size_t>(at.count), g = static_cast<std::size_t>(at.group);
    if (!z.by_channel()) return loops<T>().row(x, a.mean[g], a.k[g], a.weight.data() + at.affine, a.bias.data() + at.affine, n, y);
    if (z.s > 1) return loops<T>().run(x, a.mean[g], a.scale[g], a.bias[g], n, y);
    loops<T>().each(x, a.mean.data() + at.affine, a.scale.data() + at.affine, a.bias.data() + at.affine, n, y);
}

template <class T>
std::size_t norm_values(const NormShape& z, const Affine& affine, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const Reader<T> in(x);
    const Writer<double> out(y, mode);
    return sum_over_blocks(x.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T buffer[lane_block];
        alignas(64) double results[lane_block];
        const T* values = in.read(begin, count, buffer);
        double* place = out.place(begin, results);
        z.for_segments(begin, count, [&](const NormShape::Segment& at) { normalize(z, affine, at, values + at.done, place + at.done); });
        return out.finish(begin, count, place);
    });
}

// Of codes of at most 8 bits a channel makes a table from code to code: the same bits, found faster.
bool has_tables(const NormShape& z, const Tensor& x, const Tensor& y, const RoundingMode& mode) {
    return z.by_channel() && z.s >= 16 && z.n * z.s >= 1024 && x.format().bits() <= 8 && y.format().has_nan() && mode.mode != Rounding::stochastic;
}

void norm_by_tables(const NormShape& z, const Affine& a, const Tensor& x, Tensor& y, const Epilogue& epilogue) {
    constexpr std::int64_t entries = 256;
    const std::int64_t width = y.format().storage_bytes();
    const int width_index = width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : 3;
    std::vector<unsigned char> tables(static_cast<std::size_t>(z.c * entries * width));
    const std::size_t codes = std::size_t{1} << x.format().bits();
    std::uint8_t code[entries];
    float value[entries];
    for (std::int64_t i = 0; i < entries; ++i) code[i] = static_cast<std::uint8_t>(i);
    decode(x.format(), code, codes, value);
#pragma omp parallel for schedule(static) if (x.elements() >= parallel_from)
    for (std::int64_t c = 0; c < z.c; ++c) {
        double result[entries];
        const std::size_t i = static_cast<std::size_t>(c);
        loops<float>().run(value, a.mean[i], a.scale[i], a.bias[i], codes, result);
        unsigned char* const table = tables.data() + c * entries * width;
        encode(y.format(), result, codes, table, epilogue);
        if (epilogue.relu) elementwise_kernels().relu[width_index]({code_facts(y.format()).negative}, table, table, codes);
    }
    const auto kernel = elementwise_kernels().by_table[width_index];
    const std::uint8_t* from = static_cast<const std::uint8_t*>(x.data());
    void* to = y.mutable_data();
    sum_over_blocks(x.elements(), [&](std::int64_t begin, std::int64_t count) {
        z.for_segments(begin, count, [&](const NormShape::Segment& at) {
            kernel(tables.data() + at.group * entries * width, from + begin + at.done, taper::at(to, begin + at.done, static_cast<int>(width)),
                   static_cast<std::size_t>(at.count));
        });
        return std::size_t{0};
    });
}

}  // namespace

void CpuBackend::norm_moments(const core::NormSpec& spec, const Tensor& x, core::Moments& moments) {
    const Sequences z = NormShape(x.shape(), spec).sequences();
    double *mean = static_cast<double*>(moments.mean.mutable_data()), *variance = static_cast<double*>(moments.variance.mutable_data());
    in_compute_type({x.format()}, [&]<class T>() { moments_of<T>(z, x, mean, variance); });
}

void CpuBackend::move_running(Tensor& running, const Tensor& value, double share, double factor) {
    const double* const v = static_cast<const double*>(value.data());
    float* const r = static_cast<float*>(running.mutable_data());
    for (std::int64_t i = 0; i < value.elements(); ++i) r[i] = moved_running(r[i], v[i], share, factor);
}

void CpuBackend::norm(const core::NormSpec& spec, const Tensor& x, const core::Moments& moments, const Tensor& weight, const Tensor& bias, Tensor& y,
                      const Epilogue& epilogue) {
    const NormShape z(x.shape(), spec);
    const Affine affine(z, moments, weight, bias, spec.eps);
    if (has_tables(z, x, y, epilogue) && (!epilogue.relu || code_facts(y.format()).ranges)) return norm_by_tables(z, affine, x, y, epilogue);
    count_nan(in_compute_type({x.format()}, [&]<class T>() { return norm_values<T>(z, affine, x, y, epilogue); }));
    finish(epilogue, y);
}

}  // namespace taper
