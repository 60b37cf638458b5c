"""The originals: networks as torchvision, timm and transformers write them, with seeded weights, ready to be exported.

The convolutional ones and ViT and Swin have their real sizes; the language models have two layers and a small width.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.exports.inputs import Input, image, tokens


@dataclass
class Original:
    """One network: ``make`` gives the module in eval mode and its inputs by the name of the argument."""

    name: str
    make: Callable[[], tuple[Any, dict[str, Input]]]
    limit: int
    """Lines of model code that a person needs at most."""
    needs: tuple[str, ...]
    sizes: tuple[Mapping[str, int], ...] = ({"batch": 2}, {"batch": 3})
    """The first is that of the export, the second that at which outputs are compared."""

    def missing(self) -> str:
        """The first package that is not installed, empty where all are."""
        return next((package for package in self.needs if importlib.util.find_spec(package) is None), "")

    def module(self) -> tuple[Any, dict[str, Input]]:
        """The module with seeded weights and statistics that tell, the same at every call, and its inputs."""
        import torch

        from tests.exports.make import declare_torchvision, move_statistics

        declare_torchvision()
        torch.manual_seed(0)
        module, inputs = self.make()
        module = module.eval()
        move_statistics(module)
        return module, inputs


ORIGINALS: dict[str, Original] = {}

TEXTS = ({"batch": 2, "sequence": 7}, {"batch": 3, "sequence": 12})


def original(limit: int, *needs: str, **options: Any) -> Callable[[Callable], Callable]:
    def enter(function: Callable) -> Callable:
        ORIGINALS[function.__name__] = Original(function.__name__, function, limit, ("torch", *needs), **options)
        return function

    return enter


# Images ----------------------------------------------------------------------------------------------------------------------


def _torchvision(name: str, **options: Any) -> tuple[Any, dict[str, Input]]:
    import torchvision

    return torchvision.models.get_model(name, weights=None, **options), {"x": image(224, 224)}


def _timm(name: str) -> tuple[Any, dict[str, Input]]:
    import timm

    return timm.create_model(name), {"x": image(224, 224)}


@original(40, "torchvision")
def alexnet():
    return _torchvision("alexnet")


@original(40, "torchvision")
def vgg16():
    return _torchvision("vgg16")


@original(60, "torchvision")
def resnet18():
    return _torchvision("resnet18")


@original(70, "torchvision")
def resnet50():
    return _torchvision("resnet50")


@original(110, "torchvision")
def mobilenet_v3_large():
    return _torchvision("mobilenet_v3_large")


@original(110, "torchvision")
def efficientnet_b0():
    return _torchvision("efficientnet_b0")


@original(60, "torchvision")
def densenet121():
    return _torchvision("densenet121")


@original(80, "torchvision")
def inception_v1():
    return _torchvision("googlenet", aux_logits=False, init_weights=False)


@original(80, "timm")
def vit_tiny():
    return _timm("vit_tiny_patch16_224")


@original(150, "timm")
def swin_tiny():
    return _timm("swin_tiny_patch4_window7_224")


# Text ------------------------------------------------------------------------------------------------------------------------


def _masked(model: Any) -> tuple[Any, dict[str, Input]]:
    return model, {"input_ids": tokens(99), "attention_mask": Input("mask", ("batch", "sequence"))}


@original(100, "transformers", sizes=TEXTS)
def bert():
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, vocab_size=99)
    return _masked(BertModel(config))


@original(100, "transformers", sizes=TEXTS)
def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        n_embd=32, n_layer=2, n_head=4, vocab_size=99, n_positions=64, bos_token_id=1, eos_token_id=1, use_cache=False,
    )  # fmt: skip
    return _masked(GPT2LMHeadModel(config))


@original(110, "transformers", sizes=TEXTS)
def llama():
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48, vocab_size=99,
        max_position_embeddings=64, use_cache=False,
    )  # fmt: skip
    return _masked(LlamaForCausalLM(config))
