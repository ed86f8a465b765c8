// What training programs print and writes: a line an epoch, the table at the end, CSV, the plot.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <taper/train/training_run.h>

namespace taper::train {

using Runs = std::vector<std::unique_ptr<TrainingRun>>;

std::string epoch_line(const TrainingRun& run);  // of its last epoch
// Columns run,epoch,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,seconds; accuracies in percent, epochs from 1,
// seconds empty where unknown; with a loss scale also loss_scale,skipped_steps.
std::string csv_report(const Runs& runs);
// One column a run: formats by role, test accuracy, bytes held by role, seconds an epoch.
std::string final_table(const Runs& runs);
// Loss and accuracy over epochs, all runs.  Throws Error if gnuplot fails.
void plot_report(const std::filesystem::path& png, const Runs& runs);

}  // namespace taper::train
