// The settings that a resumed run must share with the one that wrote its checkpoint, as notes "setting.NAME" of the checkpoint.
#pragma once

#include <filesystem>
#include <string>

#include <taper/core/io.h>
#include <taper/nn/data/images.h>
#include <taper/train/settings.h>

namespace taper::train {

// What the bits of a run depend on, but what nn::save_checkpoint keeps itself (formats, rounding points, the optimizer's kind of rounding).
Metadata setting_notes(const Settings& settings, const std::string& model, const nn::ImageClassification& data);

// Throws Error, naming the file and the first setting that differs.
void check_settings(const Metadata& saved, const Metadata& wanted, const std::filesystem::path& file);

// A note by name; throws Error if it is not there.
const std::string& note(const Metadata& notes, const std::string& name, const std::filesystem::path& file);

}  // namespace taper::train
