#include "common/plot.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::apps {
namespace {

constexpr std::array<const char*, 8> palette{"#4477aa", "#cc6644", "#228833", "#aa3377", "#33aabb", "#bb9922", "#884422", "#777777"};

std::string panel_script(const Panel& panel, int number) {
    std::string data, commands;
    double first = 0, last = 1;
    bool any = false;
    for (std::size_t i = 0; i < panel.curves.size(); ++i) {
        const Curve& curve = panel.curves[i];
        const std::string name = fmt::format("$p{}c{}", number, i);
        data += name + " << EOD\n";
        for (std::size_t k = 0; k < curve.x.size(); ++k) data += fmt::format("{:.9g} {:.9g}\n", curve.x[k], curve.y[k]);
        data += "EOD\n";
        for (const double x : curve.x) {
            first = any ? std::min(first, x) : x;
            last = any ? std::max(last, x) : x;
            any = true;
        }
        const char* colour = palette[static_cast<std::size_t>(curve.colour) % palette.size()];
        const std::string line =
            curve.dashed ? fmt::format("lw 1.6 dt (6,4) pt 6 ps 0.7 lc rgb '{}'", colour) : fmt::format("lw 2.2 pt 7 ps 0.8 lc rgb '{}'", colour);
        commands += fmt::format("{} {} using 1:2 with linespoints {} title {}", i == 0 ? "plot" : ",", name, line, gnuplot_quoted(curve.title));
    }
    const double margin = std::max(0.04 * (last - first), 0.1);
    return fmt::format("{}set title {}\nset xlabel {}\nset ylabel {}\nset key {} right\nset xrange [{}:{}]\nset xtics {}\n{}\n", data, gnuplot_quoted(panel.title),
                       gnuplot_quoted(panel.x_label), gnuplot_quoted(panel.y_label), panel.legend == Legend::top_right ? "top" : "bottom", first - margin, last + margin,
                       last - first <= 20 ? "1" : "autofreq", commands);
}

std::string script(const std::filesystem::path& png, const std::string& title, const std::vector<Panel>& panels) {
    std::string text = fmt::format(
        "set terminal pngcairo noenhanced size {},520 font 'sans,11' background '#ffffff'\n"
        "set output {}\n"
        "set multiplot layout 1,{} title {} font 'sans,13' margins {:.4f},0.985,0.12,0.85 spacing {:.4f}\n"
        "set border 3 lc rgb '#666666'\nset tics nomirror textcolor rgb '#333333'\nset grid lc rgb '#e2e2e2' lw 1 lt 1\n"
        "set key spacing 1.2 samplen 3 opaque\nset offsets 0, 0, graph 0.06, graph 0.06\n",
        580 * panels.size(), gnuplot_quoted(png.string()), panels.size(), gnuplot_quoted(title), 0.14 / static_cast<double>(panels.size()),
        0.17 / static_cast<double>(panels.size()));
    int number = 0;
    for (const Panel& panel : panels) text += panel_script(panel, number++);
    return text + "unset multiplot\n";
}

}  // namespace

bool have_gnuplot() {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (access((folder + "/gnuplot").c_str(), X_OK) == 0) return true;
    return false;
}

std::string gnuplot_quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
    return result + "'";
}

void draw_script(const std::filesystem::path& png, const std::string& script) {
    std::FILE* pipe = popen("gnuplot >/dev/null 2>&1", "w");
    if (!pipe) throw Error("plot: cannot start gnuplot");
    std::fwrite(script.data(), 1, script.size(), pipe);
    if (pclose(pipe) != 0) throw Error(fmt::format("plot: gnuplot could not draw {}", png.string()));
}

void plot(const std::filesystem::path& png, const std::string& title, const std::vector<Panel>& panels) { draw_script(png, script(png, title, panels)); }

}  // namespace taper::apps
