// Everything of taper::nn, and with it tensors, autograd and taper::Error.
#pragma once

#include <taper/autograd/gradcheck.h>
#include <taper/formats/error.h>
#include <taper/nn/batch_norm.h>
#include <taper/nn/checkpoint.h>
#include <taper/nn/conv2d.h>
#include <taper/nn/conv_transpose2d.h>
#include <taper/nn/data/idx.h>
#include <taper/nn/data/images.h>
#include <taper/nn/data/loader.h>
#include <taper/nn/embedding.h>
#include <taper/nn/init.h>
#include <taper/nn/layers.h>
#include <taper/nn/linear.h>
#include <taper/nn/losses.h>
#include <taper/nn/models/lenet5.h>
#include <taper/nn/module.h>
#include <taper/nn/norms.h>
#include <taper/nn/optim/adam.h>
#include <taper/nn/optim/clip.h>
#include <taper/nn/optim/loss_scaler.h>
#include <taper/nn/optim/schedule.h>
#include <taper/nn/optim/sgd.h>
#include <taper/nn/precision.h>
#include <taper/nn/recipe.h>
#include <taper/nn/sequential.h>
