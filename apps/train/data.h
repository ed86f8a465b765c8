// The images of a training program, as its options want them.
#pragma once

#include <taper/nn/data/images.h>
#include <taper/train/app.h>
#include <taper/train/option_groups.h>

namespace taper::train {

// Reads --data, or the program's own folder, and cuts it to --limit; images of a folder are made to fit the model.  Throws Error on images of
// another size than the model's, and where no folder was named.
nn::ImageSets load_data(const App& app, const Model& model, const DataOptions& options);

}  // namespace taper::train
