// Checkpoints: all that a training run needs to continue bit for bit, in one safetensors file.
#pragma once

#include <cstdint>
#include <filesystem>

#include <taper/core/io.h>
#include <taper/nn/module.h>
#include <taper/nn/optim/loss_scaler.h>
#include <taper/nn/optim/optimizer.h>

namespace taper::nn {

// Where a run stands: the next thing to do is batch `batch` of epoch `epoch`.
struct Progress {
    std::int64_t epoch = 0;
    std::int64_t batch = 0;
    Metadata notes = {};  // the program's own: flags, curves
};

// Writes, atomically: "model.NAME", each parameter's most precise copy and each buffer in its own format; "weight.NAME", the weights that
// have a master apart; "optimizer.NAME", the optimizer's state; in the metadata the progress, the default generator's seed and stream,
// the names of all formats, roundings, accumulators and rounding points, "optimizer.SETTING", the optimizer's settings, and "scaler.KEY", the loss scaler's state.
// Throws Error naming the file.
void save_checkpoint(const std::filesystem::path& file, Module& model, const Optimizer& optimizer, const Progress& progress,
                     const LossScaler* scaler = nullptr);

// Where the run of a checkpoint stands, and its notes, before there is a model to load it into.  Throws Error on a damaged file.
Progress read_progress(const std::filesystem::path& file);

// Restores them, codes and all; also the default generator.  The model must have the precision that it had (set_precision comes before).
// Throws one Error sentence, and changes nothing, if the file is damaged or belongs to another network, precision, rounding points or optimizer, or if one of file and
// `scaler` lacks the other.
Progress load_checkpoint(const std::filesystem::path& file, Module& model, Optimizer& optimizer, LossScaler* scaler = nullptr);

}  // namespace taper::nn
