// The recipes that have a name: those of published runs, with the placements that their code had (docs/recipes.md).
#pragma once

#include <array>

namespace taper::nn {

struct RecipePreset {
    const char *name, *json;
};
extern const std::array<RecipePreset, 10> recipe_presets;

}  // namespace taper::nn
