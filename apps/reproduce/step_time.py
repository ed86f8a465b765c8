"""Times LeNet-5's training step in PyTorch, batch 64, two threads; prints "NAME MEDIAN SHORTEST" in milliseconds, a line a memory layout.

The network, the batch and the optimizer are those of `bench step`.  Usage: step_time.py [STEPS]
"""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5)
        self.fc1, self.fc2 = nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.conv3(x)).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


def time_steps(layout, steps):
    model = LeNet5().to(memory_format=layout)
    images = torch.randn(64, 1, 28, 28).contiguous(memory_format=layout)
    labels = torch.arange(64) % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=1 / 1024, momentum=0.5)
    times = []
    for _ in range(steps + 10):
        start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[10:]), 1e3 * min(times[10:])


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    torch.set_num_threads(2)
    torch.manual_seed(1)
    version = torch.__version__.split("+")[0]
    for name, layout in [("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)]:
        median, shortest = time_steps(layout, steps)
        print(f"torch_{version}_{name} {median:.4f} {shortest:.4f}", flush=True)


if __name__ == "__main__":
    main()
