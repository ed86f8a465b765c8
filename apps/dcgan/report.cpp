#include "report.h"

#include <fmt/format.h>

#include "common/plot.h"
#include "common/text.h"

namespace taper::apps {

std::string log_line(const std::string& name, const GanLog& row, std::int64_t steps) {
    return fmt::format("{:<12} step {:>{}}/{}  loss of D {:.4f}  of G {:.4f}   D(x) {:.3f}  D(G(z)) {:.3f}\n", name, row.step, std::to_string(steps).size(),
                       steps, row.discriminator_loss, row.generator_loss, row.real, row.fake);
}

std::string csv_report(const std::string& name, const std::vector<GanLog>& log) {
    Rows rows{{"run", "step", "discriminator_loss", "generator_loss", "real", "fake"}};
    for (const GanLog& row : log)
        rows.push_back({name, std::to_string(row.step), fmt::format("{:.6f}", row.discriminator_loss), fmt::format("{:.6f}", row.generator_loss),
                        fmt::format("{:.6f}", row.real), fmt::format("{:.6f}", row.fake)});
    return csv(rows);
}

void plot_report(const std::filesystem::path& png, const std::string& name, const std::vector<GanLog>& log) {
    Curve discriminator{"discriminator", {}, {}, 0, false}, generator{"generator", {}, {}, 1, false};
    Curve real{"D(x)", {}, {}, 0, false}, fake{"D(G(z))", {}, {}, 1, false};
    for (const GanLog& row : log) {
        for (Curve* curve : {&discriminator, &generator, &real, &fake}) curve->x.push_back(static_cast<double>(row.step));
        discriminator.y.push_back(row.discriminator_loss);
        generator.y.push_back(row.generator_loss);
        real.y.push_back(row.real);
        fake.y.push_back(row.fake);
    }
    plot(png, "DCGAN, " + name,
         {{"Losses", "step", "binary cross-entropy", Legend::top_right, {discriminator, generator}},
          {"What the discriminator says", "step", "probability of a real image", Legend::top_right, {real, fake}}});
}

}  // namespace taper::apps
