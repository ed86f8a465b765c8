// What lenet prints and writes: a line an epoch, the table at the end, CSV, the plot.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "training_run.h"

namespace taper::apps {

using Runs = std::vector<std::unique_ptr<TrainingRun>>;

std::string epoch_line(const TrainingRun& run, std::int64_t epochs);
// Columns run,epoch,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,seconds; accuracies in percent, epochs from 1,
// seconds empty where unknown.
std::string csv_report(const Runs& runs);
// One column a run: formats by role, test accuracy, bytes held by role, seconds an epoch.
std::string final_table(const Runs& runs);
// Loss and accuracy over epochs, all runs.
void plot_report(const std::filesystem::path& png, const Runs& runs);

}  // namespace taper::apps
