// Plots of curves as PNG files, drawn by gnuplot where it is installed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace taper::apps {

struct Curve {
    std::string title;
    std::vector<double> x, y;
    int colour = 0;  // of a small palette; curves that belong together share it
    bool dashed = false;
};
enum class Legend { top_right, bottom_right };
struct Panel {
    std::string title, x_label, y_label;
    Legend legend = Legend::top_right;
    std::vector<Curve> curves = {};
};

// Whether a program called gnuplot is on the PATH.
bool have_gnuplot();
// 'text', for a script of gnuplot's.
std::string gnuplot_quoted(const std::string& text);
// Runs a script that writes `png`.  Throws Error if gnuplot fails.
void draw_script(const std::filesystem::path& png, const std::string& script);
// Draws the panels side by side under a common title.  Throws Error if gnuplot fails or the file cannot be written.
void plot(const std::filesystem::path& png, const std::string& title, const std::vector<Panel>& panels);

}  // namespace taper::apps
