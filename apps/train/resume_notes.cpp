#include <taper/train/resume_notes.h>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::train {
namespace {

const std::string prefix = "setting.";

std::string schedule_text(const Settings& settings) {
    const ScheduleSettings& s = settings.schedule;
    const std::string warmup = s.warmup == 0 ? "" : fmt::format(", warm-up over {} epochs", s.warmup);
    switch (s.kind) {
        case ScheduleKind::step:
            return fmt::format("step, times {} after every {} epochs{}", s.factor, s.every, warmup);
        case ScheduleKind::cosine:
            return fmt::format("cosine to {} over {} epochs{}", s.last, settings.epochs, warmup);
        case ScheduleKind::one_cycle:
            return fmt::format("one_cycle of {} epochs, rise {}, start {}, end {}, momentum {} to {}{}", settings.epochs, s.rise, s.start, s.end,
                               s.low_momentum, s.high_momentum, warmup);
        case ScheduleKind::none:
            break;
    }
    return "none" + warmup;
}

std::string optimizer_text(const OptimizerSettings& s) {
    if (s.kind == OptimizerKind::sgd) return fmt::format("sgd, momentum {}{}, weight decay {}", s.momentum, s.nesterov ? " of Nesterov" : "", s.weight_decay);
    return fmt::format("{}, betas {} and {}, weight decay {}", s.kind == OptimizerKind::adam ? "adam" : "adamw", s.beta1, s.beta2, s.weight_decay);
}

}  // namespace

Metadata setting_notes(const Settings& s, const std::string& model, const nn::ImageClassification& data) {
    const GradientSettings& g = s.gradients;
    Metadata notes;
    const auto add = [&](const std::string& name, const std::string& value) { notes[prefix + name] = value; };
    add("model", model);
    add("data", fmt::format("{} in {} classes, mean {}, std {}", data.shape.str(), data.classes, fmt::join(data.normalisation.mean, " "),
                            fmt::join(data.normalisation.deviation, " ")));
    add("augmentation", s.augment ? "crops and flips" : "none");
    add("batch", std::to_string(s.batch));
    add("optimizer", optimizer_text(s.optimizer));
    add("lr", fmt::format("{}", s.optimizer.lr));
    add("schedule", schedule_text(s));
    add("loss scale", g.dynamic_scale ? "dynamic" : fmt::format("{}", g.loss_scale));
    add("clipping", fmt::format("value {}, norm {}", g.clip_value, g.clip_norm));
    add("label smoothing", fmt::format("{}", s.label_smoothing));
    add("float32 epochs", std::to_string(s.float32_epochs));
    add("seed", std::to_string(s.seed));
    return notes;
}

void check_settings(const Metadata& saved, const Metadata& wanted, const std::filesystem::path& file) {
    for (const auto& [name, value] : wanted) {
        const std::string& was = note(saved, name, file);
        if (was != value)
            throw Error(fmt::format("resume: other settings: {} was made with {} {} (want {})", file.string(), name.substr(prefix.size()), was, value));
    }
}

const std::string& note(const Metadata& notes, const std::string& name, const std::filesystem::path& file) {
    const auto found = notes.find(name);
    if (found == notes.end()) throw Error(fmt::format("resume: not a checkpoint of a training program: {} has no note \"{}\"", file.string(), name));
    return found->second;
}

}  // namespace taper::train
