// Sequential: modules called one after the other, named "0", "1", ...
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <taper/nn/module.h>

namespace taper::nn {

//   Sequential net;
//   net.emplace<Conv2d>(1, 6, 5, Conv2dSpec{.padding = 2});
//   net.emplace<ReLU>();
class Sequential : public Module {
  public:
    // Makes a T at the end; it is named by its position.
    template <class T, class... Arguments>
    T& emplace(Arguments&&... arguments) {
        auto made = std::make_unique<T>(std::forward<Arguments>(arguments)...);
        T& module = *made;
        add(std::to_string(layers_.size()), module);
        layers_.push_back(std::move(made));
        return module;
    }
    std::size_t size() const { return layers_.size(); }
    Module& operator[](std::size_t index);  // throws Error beyond the last one

  protected:
    Variable forward(const Variable& x) override;

  private:
    std::vector<std::unique_ptr<Module>> layers_;
};

}  // namespace taper::nn
