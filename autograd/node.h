// Node: what the graph knows of one Variable — where its gradient goes and which op computed it.  Private to autograd.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <taper/autograd/variable.h>

namespace taper {

// Holds no value of the Variable: an activation lives as long as someone reads it or saved it, not as long as the graph.
struct Node {
    Node() = default;
    ~Node();  // iterative, however long the chain of inputs is
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    Shape shape;
    Format format;              // of the value
    Output target;              // of the gradient, if one was named
    bool requires_grad = true;  // false: a frozen leaf
    std::vector<std::pair<std::uint64_t, Variable::Hook>> hooks;
    std::vector<std::pair<std::uint64_t, Variable::RoundingHook>> rounding_hooks;

    // Leaves.
    bool leaf = true;
    Tensor grad;

    // Results.
    std::string op;
    std::uint64_t id = 0;                       // order of creation; 0: a leaf
    std::vector<std::shared_ptr<Node>> inputs;  // null where none requires a gradient
    GradientFunction gradient;                  // empty once it has run
};

struct Variable::Impl {
    Tensor value;
    std::shared_ptr<Node> node;  // null: a constant
};

struct VariableAccess {
    static const std::shared_ptr<Node>& node(const Variable& v) { return v.impl().node; }
    static void set_node(const Variable& v, std::shared_ptr<Node> node) { v.impl().node = std::move(node); }
};

// The named target, else the compute type of the value's format.
const Target& gradient_target(const Node& node);

}  // namespace taper
