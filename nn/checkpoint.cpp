#include <taper/nn/checkpoint.h>

#include <charconv>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <taper/core/random.h>
#include <taper/formats/error.h>

namespace taper::nn {
namespace {

using Path = std::filesystem::path;

// The entries "PREFIX.NAME" of `all` by NAME.
template <class T>
std::map<std::string, T> with_prefix(const std::map<std::string, T>& all, const std::string& prefix) {
    std::map<std::string, T> some;
    for (auto entry = all.lower_bound(prefix); entry != all.end() && entry->first.rfind(prefix, 0) == 0; ++entry)
        some.emplace(entry->first.substr(prefix.size()), entry->second);
    return some;
}

// "precision.MODULE.ROLE" -> format: the root's, and those of modules that differ from it.
Metadata precisions(Module& model) {
    Metadata text;
    for (const auto& [name, module] : model.modules())
        if (name.empty() || module->precision() != model.precision())
            for (const auto& [role, format] : describe(module->precision())) text["precision." + name + "." + role] = format;
    return text;
}

// "rounding.MODULE.SLOT" -> target, or "none": the slots that were set, but for what set_precision makes of the root's input.
Metadata roundings(Module& model) {
    Metadata text;
    for (const auto& [name, module] : model.modules())
        for (const auto& [slot, target] : module->roundings())
            if (!name.empty() || slot != "input" || target != Output(module->precision().inputs))
                text["rounding." + name + "." + slot] = target ? nn::text(*target) : "none";
    return text;
}

template <class T>
T number(const Path& file, const Metadata& metadata, const std::string& key) {
    const auto found = metadata.find(key);
    if (found == metadata.end()) throw Error(fmt::format("load_checkpoint: not a checkpoint: {} has no \"{}\" in its metadata", file.string(), key));
    const std::string& text = found->second;
    T value{};
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || end != text.data() + text.size() || value < T{0})
        throw Error(fmt::format("load_checkpoint: not a number: {} has {} = \"{}\" in its metadata", file.string(), key, text));
    return value;
}

Progress progress_of(const Path& file, const Metadata& metadata) {
    return {.epoch = number<std::int64_t>(file, metadata, "epoch"), .batch = number<std::int64_t>(file, metadata, "batch"), .notes = with_prefix(metadata, "note.")};
}

// `absent`: what it means that a key is not there.
void check_same(const Path& file, const char* what, const char* absent, const Metadata& saved, const Metadata& wanted) {
    if (saved == wanted) return;
    const auto at = [&](const Metadata& all, const std::string& key) { return all.count(key) ? all.at(key) : std::string(absent); };
    for (const auto* some : {&saved, &wanted})
        for (const auto& [key, value] : *some)
            if (at(saved, key) != at(wanted, key))
                throw Error(fmt::format("load_checkpoint: another {}: {} has {} {} (want {})", what, file.string(), key.front() == '.' ? key.substr(1) : key,
                                        at(saved, key), at(wanted, key)));
}

void check_tensors(const Path& file, const NamedTensors& saved, const NamedTensors& wanted) {
    const auto fail = [&](const std::string& name, const std::string& came, const std::string& want) {
        throw Error(fmt::format("load_checkpoint: another network: {} has {} for {} (want {})", file.string(), came, name, want));
    };
    const auto text = [](const Tensor& t) { return fmt::format("{} in {}", t.shape().str(), t.format().name()); };
    for (const auto& [name, tensor] : wanted) {
        const auto found = saved.find(name);
        if (found == saved.end()) fail(name, "nothing", text(tensor));
        if (found->second.shape() != tensor.shape() || found->second.format() != tensor.format()) fail(name, text(found->second), text(tensor));
    }
    for (const auto& [name, tensor] : saved)
        if (!wanted.count(name)) fail(name, text(tensor), "nothing");
}

// Handles on what the model holds, under the names of the file.
NamedTensors model_tensors(Module& model) {
    NamedTensors tensors;
    for (const auto& [name, parameter] : model.parameters()) {
        tensors["model." + name] = parameter->most_precise();
        if (parameter->master.defined()) tensors["weight." + name] = parameter->variable.value();
    }
    for (const auto& [name, buffer] : model.buffers()) tensors["model." + name] = *buffer;
    return tensors;
}

void restore(const Path& file, const Metadata& state, LossScaler* scaler) {
    if (state.empty() != (scaler == nullptr))
        throw Error(fmt::format("load_checkpoint: another loss scale: {} has {} loss scaler (want {})", file.string(), state.empty() ? "no" : "a",
                                scaler ? "one" : "none"));
    if (scaler) scaler->load(state);
}

}  // namespace

void save_checkpoint(const Path& file, Module& model, const Optimizer& optimizer, const Progress& progress, const LossScaler* scaler) {
    NamedTensors tensors = model_tensors(model);
    for (const auto& [name, tensor] : optimizer.state()) tensors["optimizer." + name] = tensor;
    Metadata metadata = precisions(model);
    metadata.merge(roundings(model));
    for (const auto& [key, value] : optimizer.settings()) metadata["optimizer." + key] = value;
    if (scaler)
        for (const auto& [key, value] : scaler->state()) metadata["scaler." + key] = value;
    metadata["epoch"] = std::to_string(progress.epoch);
    metadata["batch"] = std::to_string(progress.batch);
    metadata["generator.seed"] = std::to_string(default_generator().seed());
    metadata["generator.stream"] = std::to_string(default_generator().stream());
    for (const auto& [key, value] : progress.notes) metadata["note." + key] = value;
    save(file, tensors, metadata);
}

Progress read_progress(const Path& file) { return progress_of(file, load(file).metadata); }

Progress load_checkpoint(const Path& file, Module& model, Optimizer& optimizer, LossScaler* scaler) {
    const Loaded loaded = load(file);
    const Progress progress = progress_of(file, loaded.metadata);
    const auto seed = number<std::uint64_t>(file, loaded.metadata, "generator.seed");
    const auto stream = number<std::uint64_t>(file, loaded.metadata, "generator.stream");

    NamedTensors saved = loaded.tensors, state = with_prefix(saved, "optimizer.");
    for (const auto& [name, tensor] : state) saved.erase("optimizer." + name);
    check_same(file, "precision", "none", with_prefix(loaded.metadata, "precision."), with_prefix(precisions(model), "precision."));
    check_same(file, "rounding point", "its default", with_prefix(loaded.metadata, "rounding."), with_prefix(roundings(model), "rounding."));
    check_same(file, "optimizer", "its default", with_prefix(loaded.metadata, "optimizer."), optimizer.settings());
    check_tensors(file, saved, model_tensors(model));
    LossScaler loaded_scaler = scaler ? *scaler : LossScaler();
    restore(file, with_prefix(loaded.metadata, "scaler."), scaler ? &loaded_scaler : nullptr);
    optimizer.load(state);
    if (scaler) *scaler = loaded_scaler;

    model.load(with_prefix(saved, "model."));
    for (const auto& [name, parameter] : model.parameters())
        if (parameter->master.defined()) parameter->restore_weight(saved.at("weight." + name));
    default_generator().set(seed, stream);
    return progress;
}

}  // namespace taper::nn
