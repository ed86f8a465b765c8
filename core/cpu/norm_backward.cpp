// Batch, group and layer norm backward: sums over channels, rows or columns, then one pass over dy and x in the order in which they lie.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/norm_parts.h>

namespace taper {
namespace {

using namespace cpu;

constexpr std::int64_t column_tile = 128;  // columns whose lanes of two sums lie in the first-level cache

template <class T>
std::vector<T> narrowed(const std::vector<double>& values) {
    return {values.begin(), values.end()};
}

template <class T>
TwoSums channel_sums(const Sequences& z, const Tensor& dy, const Tensor& x, const std::vector<double>& mean) {
    const SequenceReader<T> dy_in(dy, z), x_in(x, z);
    const bool in_lanes = dy_in.lies_in_lanes() && x_in.lies_in_lanes();
    return sum_sequences(z, [&](std::int64_t sequence, std::int64_t begin, std::int64_t count, double* s, double* q) {
        alignas(64) T dy_buffer[lane_block], x_buffer[lane_block];
        for (std::int64_t done = 0, run = 0; done < count; done += run) {
            run = in_lanes ? x_in.run(begin + done, count - done) : count;
            loops<T>().products(dy_in.read(sequence, begin + done, run, dy_buffer), x_in.read(sequence, begin + done, run, x_buffer),
                                mean[static_cast<std::size_t>(sequence)], static_cast<std::size_t>(run), s, q);
        }
    });
}

// The sums down the samples [first, first + sum_block) for `width` columns of group g from `column` on: sample n goes to lane n mod 8.
template <class T>
void column_block(const NormShape& z, const Reader<T>& dy, const Reader<T>& x, const Affine& a, std::int64_t g, std::int64_t column, std::int64_t width,
                  std::int64_t first, double* sums, double* products) {
    alignas(64) double s[sum_lanes][column_tile] = {}, q[sum_lanes][column_tile] = {};
    alignas(64) T dy_buffer[column_tile], x_buffer[column_tile];
    for (std::int64_t n = first; n < std::min(z.n, first + sum_block); ++n) {
        const std::int64_t row = n * z.groups + g, begin = row * z.row() + column;
        const std::size_t i = static_cast<std::size_t>(row);
        loops<T>().columns(dy.read(begin, width, dy_buffer), x.read(begin, width, x_buffer), a.mean[i], a.k[i], static_cast<std::size_t>(width),
                           s[(n - first) % sum_lanes], q[(n - first) % sum_lanes]);
    }
    for (int lane = 0; lane < sum_lanes; ++lane) {
        for (std::int64_t i = 0; i < width; ++i) {
            sums[i] += s[lane][i];
            products[i] += q[lane][i];
        }
    }
}

// The sums over the samples for each of the C S elements of one: dbias and dweight before they are added over S.
template <class T>
TwoSums column_sums(const NormShape& z, const Tensor& dy, const Tensor& x, const Affine& a) {
    const Reader<T> dy_in(dy), x_in(x);
    const std::int64_t columns = z.c * z.s, tiles = (z.row() + column_tile - 1) / column_tile, blocks = (z.n + sum_block - 1) / sum_block;
    TwoSums partial = {std::vector<double>(static_cast<std::size_t>(blocks * columns)), std::vector<double>(static_cast<std::size_t>(blocks * columns))};
#pragma omp parallel for schedule(static) if (x.elements() >= parallel_from)
    for (std::int64_t i = 0; i < blocks * z.groups * tiles; ++i) {
        const std::int64_t column = i % tiles * column_tile, g = i / tiles % z.groups, block = i / tiles / z.groups,
                           at = block * columns + g * z.row() + column;
        column_block(z, dy_in, x_in, a, g, column, std::min(column_tile, z.row() - column), block * sum_block, partial.s.data() + at, partial.q.data() + at);
    }
    TwoSums sums = {std::vector<double>(static_cast<std::size_t>(columns)), std::vector<double>(static_cast<std::size_t>(columns))};
    for (std::size_t i = 0; i < partial.s.size(); ++i) {
        sums.s[i % static_cast<std::size_t>(columns)] += partial.s[i];
        sums.q[i % static_cast<std::size_t>(columns)] += partial.q[i];
    }
    return sums;
}

// The constants of the gradient, one of each a group; the weight one a channel, or one a column.
template <class T>
struct GradientConstants {
    std::vector<T> k, weight, mean, shift, slope;
    NormGradient<T> at(const NormShape& z, const NormShape::Segment& segment) const {
        const std::int64_t g = z.by_channel() && z.s == 1 ? segment.affine : segment.group;
        return {k.data() + g, weight.data() + (z.by_channel() ? g : segment.affine), mean.data() + g, shift.data() + g, slope.data() + g};
    }
};

template <class T>
std::size_t norm_gradient(const NormShape& z, const GradientConstants<T>& constants, const Tensor& dy, const Tensor& x, Tensor& dx, const RoundingMode& mode) {
    const auto kernel = !z.by_channel() ? loops<T>().row_backward : z.s > 1 ? loops<T>().run_backward : loops<T>().each_backward;
    const Reader<T> dy_in(dy), x_in(x);
    const Writer<T> out(dx, mode);
    return sum_over_blocks(dx.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T dy_buffer[lane_block], x_buffer[lane_block], dx_buffer[lane_block];
        const T *d = dy_in.read(begin, count, dy_buffer), *v = x_in.read(begin, count, x_buffer);
        T* place = out.place(begin, dx_buffer);
        z.for_segments(begin, count, [&](const NormShape::Segment& at) {
            kernel(constants.at(z, at), d + at.done, v + at.done, static_cast<std::size_t>(at.count), place + at.done);
        });
        return out.finish(begin, count, place);
    });
}

// g = dy weight: the means of g and of g (x - mean), times k^2, over each row.
template <class T>
TwoSums row_means(const NormShape& z, const Affine& a, const Tensor& dy, const Tensor& x) {
    const Reader<T> dy_in(dy), x_in(x);
    TwoSums means = sum_sequences(z.sequences(), [&](std::int64_t row, std::int64_t begin, std::int64_t count, double* s, double* q) {
        alignas(64) T dy_buffer[lane_block], x_buffer[lane_block];
        const std::int64_t first = row * z.row() + begin;
        loops<T>().weighted_products(dy_in.read(first, count, dy_buffer), x_in.read(first, count, x_buffer), a.weight.data() + row % z.groups * z.row() + begin,
                                     a.mean[static_cast<std::size_t>(row)], static_cast<std::size_t>(count), s, q);
    });
    for (std::size_t i = 0; i < means.s.size(); ++i) {
        means.s[i] /= static_cast<double>(z.row());
        means.q[i] = means.q[i] / static_cast<double>(z.row()) * (a.k[i] * a.k[i]);
    }
    return means;
}

// The same over each channel, from the sums over it; 0 where the moments do not depend on x.
TwoSums channel_means(const NormShape& z, const Affine& a, const core::NormSums& sums) {
    TwoSums means = {std::vector<double>(a.k.size()), std::vector<double>(a.k.size())};
    if (!sums.dweight.defined()) return means;
    const std::vector<double> dweight = values_of(sums.dweight), dbias = values_of(sums.dbias);
    const double n = static_cast<double>(z.n * z.s);
    for (std::size_t c = 0; c < a.k.size(); ++c) {
        means.s[c] = a.weight[c] * (dbias[c] / n);
        means.q[c] = a.weight[c] * (dweight[c] / n) * a.k[c];
    }
    return means;
}

}  // namespace

void CpuBackend::norm_backward_weights(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, core::NormSums& sums) {
    const NormShape z(x.shape(), spec);
    const Affine a(z, moments, {}, {}, spec.eps);
    const TwoSums found = in_compute_type(
        {x.format(), dy.format()}, [&]<class T>() { return z.by_channel() ? channel_sums<T>(z.sequences(), dy, x, a.mean) : column_sums<T>(z, dy, x, a); });
    double *dweight = static_cast<double*>(sums.dweight.mutable_data()), *dbias = static_cast<double*>(sums.dbias.mutable_data());
    for (std::int64_t c = 0; c < z.c; ++c) {
        const std::size_t i = static_cast<std::size_t>(c);
        dweight[c] = z.by_channel() ? found.q[i] * a.k[i] : ordered_sum(found.q.data() + c * z.s, z.s);
        dbias[c] = z.by_channel() ? found.s[i] : ordered_sum(found.s.data() + c * z.s, z.s);
    }
}

void CpuBackend::norm_backward_data(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, const Tensor& weight,
                                    const core::NormSums& sums, Tensor& dx, const RoundingMode& mode) {
    const NormShape z(x.shape(), spec);
    const Affine a(z, moments, weight, {}, spec.eps);
    const Format weights = weight.defined() ? weight.format() : Format::float32();
    count_nan(in_compute_type({x.format(), dy.format(), dx.format(), weights}, [&]<class T>() {
        const TwoSums means = z.by_channel() ? channel_means(z, a, sums) : row_means<T>(z, a, dy, x);
        const GradientConstants<T> constants = {narrowed<T>(a.k), narrowed<T>(a.weight), narrowed<T>(a.mean), narrowed<T>(means.s), narrowed<T>(means.q)};
        return norm_gradient(z, constants, dy, x, dx, mode);
    }));
}

}  // namespace taper
