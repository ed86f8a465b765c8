// What dcgan prints and writes: lines, CSV, the plot of both losses.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gan_training.h"

namespace taper::apps {

std::string log_line(const std::string& name, const GanLog& row, std::int64_t steps);
// Columns run,step,discriminator_loss,generator_loss,real,fake: means over the steps since the row before; real is D(x), fake D(G(z)).
std::string csv_report(const std::string& name, const std::vector<GanLog>& log);
// Both losses, and both probabilities, over steps.
void plot_report(const std::filesystem::path& png, const std::string& name, const std::vector<GanLog>& log);

}  // namespace taper::apps
