#include "common/watch_picture.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "common/plot.h"

namespace taper::apps {
namespace {

using core::Statistics;
using Binades = std::array<std::int64_t, Statistics::bins>;

constexpr std::array<std::pair<nn::Watched, const char*>, 4> columns{{{nn::Watched::weight, "weights"},
                                                                      {nn::Watched::gradient, "gradients of weights"},
                                                                      {nn::Watched::activation, "activations"},
                                                                      {nn::Watched::error, "errors"}}};
constexpr std::size_t most_curves = 5, most_layer_tics = 40, most_step_tics = 16;

// The binades that any column uses, as bins, both included; one with nothing shows [0, 0].
std::pair<int, int> used(const std::vector<Binades>& columns_of_bins) {
    int first = static_cast<int>(Statistics::bins), last = -1;
    for (const Binades& bins : columns_of_bins)
        for (int i = 0; i < static_cast<int>(Statistics::bins); ++i) {
            if (bins[static_cast<std::size_t>(i)] == 0) continue;
            first = std::min(first, i);
            last = std::max(last, i);
        }
    return last < 0 ? std::pair{0, 0} : std::pair{first, last};
}

int exponent_of_bin(int bin) { return bin - 1 + Statistics::lowest; }

// A heat map, one column each: log10 of the share of the nonzero numbers.  Begins a plot command.
std::string heat_map(const std::vector<Binades>& all, std::pair<int, int> bins) {
    std::string data = "$m << EOD\n";
    for (int bin = bins.first; bin <= bins.second; ++bin) {
        for (const Binades& column : all) {
            double sum = 0;
            for (const std::int64_t count : column) sum += static_cast<double>(count);
            const double share = sum == 0 ? 0 : static_cast<double>(column[static_cast<std::size_t>(bin)]) / sum;
            data += share > 0 ? fmt::format("{:.3f} ", std::max(std::log10(share), -4.0)) : std::string("NaN ");
        }
        data += "\n";
    }
    return data
           + fmt::format("EOD\nset ylabel 'binade: log2 |x|'\nset yrange [{}:{}]\nset xrange [-0.5:{}]\nset cbrange [-4:0]\n",
                         exponent_of_bin(bins.first) - 0.5, exponent_of_bin(bins.second) + 0.5, static_cast<double>(all.size()) - 0.5);
}

std::string plot_map(std::pair<int, int> bins) { return fmt::format("plot $m matrix using 1:($2 + {}):3 with image notitle", exponent_of_bin(bins.first)); }

std::string tics(const std::vector<std::string>& labels, std::size_t most) {
    const std::size_t every = (labels.size() + most - 1) / most;
    std::string text;
    for (std::size_t i = 0; i < labels.size(); i += every) text += fmt::format("{}{} {}", i == 0 ? "" : ", ", gnuplot_quoted(labels[i]), i);
    return fmt::format("set xtics rotate by 60 right font ',8' ({})\n", text);
}

double percent(std::int64_t count, std::int64_t of) { return of == 0 ? 0 : 100 * static_cast<double>(count) / static_cast<double>(of); }

}  // namespace

void WatchPicture::add(const WatchRecord& record) {
    const nn::WatchRow& row = record.row;
    auto run = std::find_if(runs_.begin(), runs_.end(), [&](const Run& r) { return r.name == record.run; });
    if (run == runs_.end()) run = runs_.insert(run, {.name = record.run, .columns = {}});
    Column& column = run->columns[row.kind];
    auto tensor = std::find_if(column.tensors.begin(), column.tensors.end(), [&](const Tensor& t) { return t.name == row.name; });
    if (tensor == column.tensors.end()) tensor = column.tensors.insert(tensor, {.name = row.name, .last = row});
    tensor->last = row;
    const Statistics& s = row.statistics;
    tensor->rates.push_back({.step = row.step,
                             .upper = percent(s.saturated + s.infinite + s.nan, s.elements),
                             .lower = percent(std::max(s.smallest, row.before ? row.before->underflow : 0), s.elements)});
    Binades& bins = column.steps[row.step];
    for (std::size_t i = 0; i < bins.size(); ++i) bins[i] += s.binades[i];
}

std::string WatchPicture::layers_panel(const Column& column, const std::string& title) {
    std::vector<Binades> all;
    std::vector<std::string> names;
    std::string ends = "$ends << EOD\n";
    for (const Tensor& tensor : column.tensors) {
        for (const double end : {std::log2(std::fabs(tensor.last.format.min_positive())) - 0.5, std::floor(std::log2(tensor.last.format.max())) + 0.5})
            ends += fmt::format("{} {:.4g}\n", names.size(), end);
        all.push_back(tensor.last.statistics.binades);
        names.push_back(tensor.name);
    }
    const auto bins = used(all);
    return ends + "EOD\n" + heat_map(all, {std::max(bins.first - 2, 0), std::min(bins.second + 2, static_cast<int>(Statistics::bins) - 1)}) + tics(names, most_layer_tics)
           + fmt::format("set title {}\n{}, $ends using 1:2:(0.5) with xerrorbars lc rgb '#cc3311' lw 1.5 ps 0 notitle\n", gnuplot_quoted(title),
                         plot_map({std::max(bins.first - 2, 0), 0}));
}

std::string WatchPicture::steps_panel(const Column& column) {
    std::vector<Binades> all;
    std::vector<std::string> steps;
    for (const auto& [step, bins] : column.steps) {
        all.push_back(bins);
        steps.push_back(std::to_string(step));
    }
    const auto bins = used(all);
    return heat_map(all, bins) + tics(steps, most_step_tics) + "set title 'all together, by step'\n" + plot_map(bins) + "\n";
}

std::string WatchPicture::rates_panel(const Column& column) {
    std::string data, commands;
    double last = 1, highest = 0;
    const auto add_curves = [&](double Rate::*rate, const char* style, const char* what) {
        const auto peak = [&](const Tensor& tensor) {
            double most = 0;
            for (const Rate& r : tensor.rates) most = std::max(most, r.*rate);
            return most;
        };
        std::vector<const Tensor*> order;
        for (const Tensor& tensor : column.tensors)
            if (peak(tensor) > 0) order.push_back(&tensor);
        std::stable_sort(order.begin(), order.end(), [&](const Tensor* a, const Tensor* b) { return peak(*a) > peak(*b); });
        order.resize(std::min(order.size(), most_curves));
        for (std::size_t i = 0; i < order.size(); ++i) {
            const std::string name = fmt::format("${}{}", what, i);
            data += name + " << EOD\n";
            for (const Rate& r : order[i]->rates) {
                data += fmt::format("{} {:.6g}\n", r.step, r.*rate);
                last = std::max(last, static_cast<double>(r.step));
            }
            data += "EOD\n";
            highest = std::max(highest, peak(*order[i]));
            commands += fmt::format("{} {} using 1:2 with linespoints {} pt 7 ps 0.4 lw 1.6 title {}", commands.empty() ? "plot" : ",", name, style,
                                    gnuplot_quoted(order[i]->name + " " + what));
        }
    };
    add_curves(&Rate::upper, "", "upper");
    add_curves(&Rate::lower, "dt (6,4)", "lower");
    if (commands.empty()) commands = "plot -1 title 'no number at an end'";
    return data
           + fmt::format(
               "set title 'at the upper and lower end'\nset ylabel '% of elements'\nset xlabel 'step'\nset yrange [0:{:.6g}]\nset xrange [0:{}]\n"
               "set xtics norotate font ',8' autofreq\n{}\nset xlabel\n",
               highest == 0 ? 1 : 1.3 * highest, last, commands);
}

void WatchPicture::draw(const std::filesystem::path& png) const {
    std::string script = fmt::format(
        "set terminal pngcairo noenhanced size {},{} font 'sans,10' background '#ffffff'\nset output {}\n"
        "set multiplot layout {},{}\nset border 3 lc rgb '#666666'\nset tics nomirror out textcolor rgb '#333333'\nset key font ',7' spacing 0.9 samplen 2\n"
        "set palette defined (0 '#f0f4f8', 1 '#9ecae1', 2 '#4292c6', 3 '#2171b5', 4 '#08306b')\nset cbtics ('0.01 %%' -4, '0.1 %%' -3, '1 %%' -2, '10 %%' -1, "
        "'100 %%' 0) font ',7'\n"
        "unset grid\n",
        480 * columns.size(), 1080 * runs_.size(), gnuplot_quoted(png.string()), 3 * runs_.size(), columns.size());
    for (const Run& run : runs_) {
        for (int row = 0; row < 3; ++row)
            for (const auto& [kind, title] : columns) {
                const auto found = run.columns.find(kind);
                if (found == run.columns.end()) {
                    script += "set multiplot next\n";
                } else if (row == 0) {
                    script += layers_panel(found->second, fmt::format("{}: {}, step {}", run.name, title, found->second.steps.rbegin()->first));
                } else {
                    script += row == 1 ? steps_panel(found->second) : rates_panel(found->second);
                }
            }
    }
    draw_script(png, script + "unset multiplot\n");
}

}  // namespace taper::apps
