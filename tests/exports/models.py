"""Real architectures, small and with seeded weights: one function each, which returns the model and its inputs by name.

Statistics of BatchNorm are moved away from 0 and 1 by the exporting script, so that outputs depend on them and on the input.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.exports.inputs import Input, image, tokens

SMALL, LARGER = {"batch": 2}, {"batch": 3}


@dataclass
class Model:
    """One architecture, and the sizes at which it is exported and asked."""

    name: str
    make: Callable[[], tuple[Any, dict[str, Input]]]
    needs: tuple[str, ...]
    framework: str = "pytorch"
    sizes: tuple[Mapping[str, int], ...] = (SMALL, LARGER)
    """The first is that of the export."""
    exporters: Mapping[str, str] = field(default_factory=dict)
    """Exporters that cannot, and why."""
    gives: tuple[str, ...] = ("output",)
    """Names of the outputs."""

    def missing(self) -> str:
        """The first package that is not installed, empty where all are."""
        return next((package for package in self.needs if importlib.util.find_spec(package) is None), "")


MODELS: dict[str, Model] = {}


def model(*needs: str, **options: Any) -> Callable[[Callable], Callable]:
    def enter(function: Callable) -> Callable:
        MODELS[function.__name__] = Model(function.__name__, function, needs, **options)
        return function

    return enter


IMAGES = (
    {"batch": 2, "height": 64, "width": 64},
    {"batch": 1, "height": 96, "width": 64},
    {"batch": 3, "height": 64, "width": 128},
)
SOUNDS = ({"batch": 2, "samples": 800}, {"batch": 1, "samples": 1000}, {"batch": 3, "samples": 640})
TEXTS = ({"batch": 2, "sequence": 7}, {"batch": 1, "sequence": 5}, {"batch": 3, "sequence": 12})
PAIRS = ({"batch": 2, "sequence": 7, "target": 4}, {"batch": 3, "sequence": 5, "target": 6})
STRIDED = dict.fromkeys(("dynamo18", "dynamo20"), "torch.export makes no view of its strided memory")
CACHED = (
    {"batch": 2, "past": 4, "sequence": 3},
    {"batch": 1, "past": 6, "sequence": 1},
    {"batch": 3, "past": 2, "sequence": 5},
)


# Images ---------------------------------------------------------------------------------------------------------------------


def _timm(name: str, **options: Any) -> Any:
    import timm

    return timm.create_model(name, num_classes=10, **options)


@model("torch", "timm", sizes=IMAGES)
def resnet():
    return _timm("resnet10t"), {"image": image("height", "width")}


@model("torch", "timm", sizes=IMAGES)
def mobilenet_v3():
    return _timm("mobilenetv3_small_050"), {"image": image("height", "width")}


@model("torch", "timm", sizes=IMAGES)
def efficientnet():
    return _timm("test_efficientnet"), {"image": image("height", "width")}


@model("torch", "timm", sizes=IMAGES)
def mobilenet_same():
    """With TensorFlow's padding, whose sides depend on the size of the image."""
    return _timm("tf_mobilenetv3_small_minimal_100"), {"image": image("height", "width")}


@model("torch", "timm", sizes=IMAGES)
def convnext():
    return _timm("test_convnext"), {"image": image("height", "width")}


@model("torch", "timm")
def vit():
    return _timm("vit_tiny_patch16_224", img_size=64, depth=2), {"image": image()}


@model("torch", "timm")
def swin():
    options = {"img_size": 64, "embed_dim": 24, "depths": (2, 2), "num_heads": (2, 4), "window_size": 4}
    return _timm("swin_tiny_patch4_window7_224", **options), {"image": image()}


@model("torch", "timm", sizes=IMAGES)
def regnet():
    return _timm("regnetx_002"), {"image": image("height", "width")}


@model("torch", "timm", sizes=IMAGES)
def densenet():
    return _timm("densenet121", growth_rate=8, block_config=(2, 3, 2)), {"image": image("height", "width")}


@model("torch", "timm")
def mobilevit():
    return _timm("mobilevit_xxs"), {"image": image()}


@model("torch", "timm", exporters=STRIDED)
def maxvit():
    return _timm("maxvit_rmlp_pico_rw_256", img_size=64), {"image": image()}


@model("torch", "torchvision", sizes=IMAGES)
def deeplab():
    from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large as make

    class DeepLab(_module()):
        def __init__(self):
            super().__init__()
            self.model = make(weights=None, weights_backbone=None, num_classes=5)

        def forward(self, image):
            return self.model(image)["out"]

    return DeepLab(), {"image": image("height", "width")}


@model("torch", sizes=IMAGES)
def unet():
    """Encoder and decoder with transposed convolutions, skips and an upsampling to the size of another tensor."""
    import torch
    from torch import nn

    def block(before: int, after: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU())

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.third = block(3, 8), block(8, 16), block(16, 16)
            self.up = nn.ConvTranspose2d(16, 16, 2, stride=2)
            self.fourth, self.fifth = block(32, 8), block(16, 8)
            self.head = nn.Conv2d(8, 4, 1)

        def forward(self, image):
            a = self.first(image)
            b = self.second(nn.functional.max_pool2d(a, 2))
            c = self.third(nn.functional.max_pool2d(b, 2))
            x = self.fourth(torch.cat([self.up(c), b], 1))
            x = nn.functional.interpolate(x, size=a.shape[2:], mode="bilinear", align_corners=False)
            return self.head(self.fifth(torch.cat([x, a], 1)))

    return UNet(), {"image": image("height", "width")}


@model("torch", gives=("boxes", "scores", "classes"), sizes=IMAGES)
def yolo():
    """A head of three strides that decodes its boxes and keeps the best."""
    import torch
    from torch import nn

    class Yolo(nn.Module):
        def __init__(self, classes: int = 4):
            super().__init__()
            self.classes = classes
            self.stem = nn.Sequential(
                nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.SiLU()
            )
            self.stages = nn.ModuleList(nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.SiLU()) for _ in range(2))
            self.heads = nn.ModuleList(nn.Conv2d(8, 4 + classes, 1) for _ in range(3))

        def forward(self, image):
            features = [self.stem(image)]
            for stage in self.stages:
                features.append(stage(features[-1]))
            found = []
            for x, head, stride in zip(features, self.heads, (4, 8, 16), strict=True):
                x = head(x)
                height, width = x.shape[2:]
                rows = torch.arange(height, dtype=x.dtype).view(1, 1, height, 1).expand(1, 1, height, width)
                columns = torch.arange(width, dtype=x.dtype).view(1, 1, 1, width).expand(1, 1, height, width)
                centre = (x[:, :2].sigmoid() + torch.cat([columns, rows], 1)) * stride
                size = x[:, 2:4].exp() * stride
                x = torch.cat([centre - size / 2, centre + size / 2, x[:, 4:].sigmoid()], 1)
                found.append(x.flatten(2))
            found = torch.cat(found, 2).transpose(1, 2)
            scores, classes = found[..., 4:].max(-1)
            best, places = torch.topk(scores, 20, dim=1)
            boxes = torch.gather(found[..., :4], 1, places.unsqueeze(-1).expand(-1, -1, 4))
            return boxes, best, torch.gather(classes, 1, places)

    model = Yolo()
    for head in model.heads:
        nn.init.normal_(head.weight[4:], std=4.0)  # or every box is of one class
    return model, {"image": image("height", "width")}


def _module() -> type:
    from torch import nn

    return nn.Module


# Text ------------------------------------------------------------------------------------------------------------------------

_TEXT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "vocab_size": 99}


def _named(model: Any, names: tuple[str, ...], gives: tuple[str, ...], **constant: Any) -> Any:
    """The model with positional arguments in this order and a tuple of these results."""

    class Named(_module()):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *arguments):
            result = self.model(**dict(zip(names, arguments, strict=True)), **constant)
            return tuple(result[name] for name in gives)

    return Named()


def _masked_text(model: Any, gives: tuple[str, ...] = ("last_hidden_state",)) -> tuple[Any, dict[str, Input]]:
    inputs = {"input_ids": tokens(99), "attention_mask": Input("mask", ("batch", "sequence"))}
    return _named(model, tuple(inputs), gives), inputs


@model("torch", "transformers", sizes=TEXTS, gives=("hidden", "pooled"))
def bert():
    from transformers import BertConfig, BertModel

    return _masked_text(BertModel(BertConfig(**_TEXT)), ("last_hidden_state", "pooler_output"))


@model("torch", "transformers", sizes=TEXTS)
def distilbert():
    from transformers import DistilBertConfig, DistilBertModel

    return _masked_text(DistilBertModel(DistilBertConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=48, vocab_size=99)))


@model("torch", "transformers", sizes=TEXTS, gives=("logits",))
def deberta():
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    config = DebertaV2Config(**_TEXT, relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8)
    return _masked_text(DebertaV2ForSequenceClassification(config), ("logits",))


@model("torch", "transformers", sizes=PAIRS, exporters=STRIDED)
def t5():
    from transformers import T5Config, T5Model

    config = T5Config(d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, vocab_size=99)
    inputs = {
        "input_ids": tokens(99),
        "attention_mask": Input("mask", ("batch", "sequence")),
        "decoder_input_ids": tokens(99, "batch", "target"),
    }
    return _named(T5Model(config), tuple(inputs), ("last_hidden_state",), use_cache=False), inputs


def _cached(model: Any, layers: int, heads: int, size: int, *, positions: bool = False) -> tuple[Any, dict[str, Input]]:
    """A decoder that is given the keys and values of earlier tokens and gives them with the new ones."""
    from transformers import DynamicCache

    class Cached(_module()):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, *rest):
            more = {"position_ids": rest[0]} if positions else {}
            past = rest[1:] if positions else rest
            cache = DynamicCache()
            for layer in range(layers):
                cache.update(past[2 * layer], past[2 * layer + 1], layer)
            result = self.model(input_ids, attention_mask=attention_mask, past_key_values=cache, use_cache=True, **more)
            present = result.past_key_values
            return (result.logits, *(tensor for layer in present.layers for tensor in (layer.keys, layer.values)))

    inputs = {"input_ids": tokens(99), "attention_mask": Input("mask", ("batch", "past + sequence"))}
    if positions:
        inputs["position_ids"] = Input("positions", ("batch", "sequence"))
    for layer in range(layers):
        for part in ("key", "value"):
            inputs[f"past_{part}_{layer}"] = Input("normal", ("batch", heads, "past", size))
    return Cached(), inputs


PRESENT = ("logits", *(f"present_{part}_{layer}" for layer in range(2) for part in ("key", "value")))


@model("torch", "transformers", sizes=CACHED, gives=PRESENT)
def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=99, n_positions=64)
    return _cached(GPT2LMHeadModel(config), 2, 4, 8, positions=True)


@model("torch", "transformers", sizes=CACHED, gives=PRESENT)
def llama():
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**_TEXT, num_key_value_heads=2, max_position_embeddings=64)
    return _cached(LlamaForCausalLM(config), 2, 2, 8, positions=True)


@model("torch", "transformers", sizes=TEXTS, gives=("logits",))
def qwen2():
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(**_TEXT, num_key_value_heads=2, max_position_embeddings=64)
    inputs = {"input_ids": tokens(99), "attention_mask": Input("mask", ("batch", "sequence"))}
    return _named(Qwen2ForCausalLM(config), tuple(inputs), ("logits",), use_cache=False), inputs


# Sound -----------------------------------------------------------------------------------------------------------------------

_WHISPER = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "vocab_size": 99,
    "num_mel_bins": 16,
    "max_source_positions": 20,
    "max_target_positions": 30,
    "pad_token_id": 1,
    "bos_token_id": 1,
    "eos_token_id": 1,
    "decoder_start_token_id": 1,
}


@model("torch", "transformers")
def whisper_encoder():
    from transformers import WhisperConfig, WhisperModel

    encoder = WhisperModel(WhisperConfig(**_WHISPER)).encoder
    return _named(encoder, ("input_features",), ("last_hidden_state",)), {"features": Input("normal", ("batch", 16, 40))}


@model("torch", "transformers", sizes=TEXTS, exporters={"script17": "it has no aten::diff"})
def whisper_decoder():
    from transformers import WhisperConfig, WhisperModel

    decoder = WhisperModel(WhisperConfig(**_WHISPER)).decoder
    inputs = {"input_ids": tokens(99), "encoder_hidden_states": Input("normal", ("batch", 20, 32))}
    return _named(decoder, tuple(inputs), ("last_hidden_state",), use_cache=False), inputs


@model(
    "torch", "transformers", sizes=({"batch": 2, "samples": 800}, {"batch": 1, "samples": 1000}, {"batch": 3, "samples": 640})
)
def wav2vec2():
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    config = Wav2Vec2Config(
        **_TEXT, conv_dim=(16, 16, 16), conv_stride=(5, 2, 2), conv_kernel=(10, 3, 3), num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=4,
    )  # fmt: skip
    model = Wav2Vec2Model(config)
    return _named(model, ("input_values",), ("last_hidden_state",)), {"sound": Input("normal", ("batch", "samples"))}


# Images with transformers ----------------------------------------------------------------------------------------------------


@model("torch", "transformers", sizes=IMAGES)
def segformer():
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        num_encoder_blocks=3, depths=[1, 1, 1], sr_ratios=[4, 2, 1], hidden_sizes=[8, 16, 24], num_attention_heads=[1, 2, 2],
        patch_sizes=[7, 3, 3], strides=[4, 2, 2], mlp_ratios=[2, 2, 2], decoder_hidden_size=16, num_labels=5,
    )  # fmt: skip
    model = SegformerForSemanticSegmentation(config)
    return _named(model, ("pixel_values",), ("logits",)), {"image": image("height", "width")}


@model("torch", "transformers", gives=("logits", "boxes"))
def detr():
    """Objects asked of an image by queries; its mask is resized as one image with a channel for each sample."""
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", out_features=["stage2"])
    config = DetrConfig(
        backbone_config=backbone, use_timm_backbone=False, backbone=None, use_pretrained_backbone=False, d_model=32,
        encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48,
        decoder_ffn_dim=48, num_queries=6, init_std=0.2,
    )  # fmt: skip
    inputs = {"pixel_values": image(64, 64), "pixel_mask": Input("mask", ("batch", 64, 64))}
    return _named(DetrForObjectDetection(config), tuple(inputs), ("logits", "pred_boxes")), inputs


@model(
    "torch", "transformers", sizes=({"batch": 2, "sequence": 7}, {"batch": 3, "sequence": 5}), gives=("text", "image_embeds")
)
def clip():
    from transformers import CLIPConfig, CLIPModel

    part = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "projection_dim": 16}
    config = CLIPConfig(
        text_config={**part, "vocab_size": 99, "max_position_embeddings": 20, "eos_token_id": 98},
        vision_config={**part, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    inputs = {
        "input_ids": tokens(99),
        "pixel_values": image(32, 32),
        "attention_mask": Input("mask", ("batch", "sequence")),
    }
    return _named(CLIPModel(config), tuple(inputs), ("logits_per_text", "image_embeds")), inputs


# Layers of torch.nn ----------------------------------------------------------------------------------------------------------


@model("torch", sizes=TEXTS)
def bilstm():
    from torch import nn

    class BiLSTM(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(50, 12)
            self.lstm = nn.LSTM(12, 16, num_layers=2, bidirectional=True, batch_first=True)
            self.head = nn.Linear(32, 5)

        def forward(self, tokens):
            return self.head(self.lstm(self.embed(tokens))[0])

    return BiLSTM(), {"tokens": tokens(50)}


@model("torch", sizes=TEXTS, gives=("output", "last"))
def gru():
    from torch import nn

    class Gru(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(12, 16, num_layers=2, batch_first=True)
            self.head = nn.Linear(16, 5)

        def forward(self, x, state):
            x, state = self.gru(x, state)
            return self.head(x[:, -1]), state

    return Gru(), {"x": Input("normal", ("batch", "sequence", 12)), "state": Input("normal", (2, "batch", 16))}


@model("torch", sizes=TEXTS, gives=("output", "weights"))
def attention():
    from torch import nn

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

        def forward(self, query, memory):
            return self.attention(query, memory, memory)

    return Attention(), {
        "query": Input("normal", ("batch", "sequence", 16)),
        "memory": Input("normal", ("batch", 9, 16)),
    }


@model("torch", sizes=TEXTS, exporters={"script17": "it fixes the sizes that it traced"})
def transformer():
    from torch import nn

    layer = nn.TransformerEncoderLayer(16, 4, 24, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), {"x": Input("normal", ("batch", "sequence", 16))}


# Keras -----------------------------------------------------------------------------------------------------------------------


def _application(name: str, kind: str = "photograph", size: int = 64, **options: Any) -> tuple[Any, dict[str, Input]]:
    """A network of ``keras.applications``; ``kind`` is "pixels" for those that scale their input themselves."""
    import keras

    shape = (size, size, 3)
    network = getattr(keras.applications, name)(weights=None, input_shape=shape, classes=10, **options)
    return network, {"image": Input(kind, ("batch", *shape))}


def keras_model(*needs: str, **options: Any) -> Callable[[Callable], Callable]:
    return model("keras", "tensorflow", "tf2onnx", *needs, framework="keras", **options)


@keras_model()
def keras_mobilenet_v2():
    return _application("MobileNetV2", alpha=0.35)


@keras_model()
def keras_mobilenet_v3():
    return _application("MobileNetV3Small", "pixels", alpha=0.75, minimalistic=False)


@keras_model()
def keras_resnet50():
    return _application("ResNet50V2")


@keras_model()
def keras_efficientnet():
    return _application("EfficientNetB0", "pixels")


@keras_model()
def keras_densenet():
    return _application("DenseNet121")


@keras_model()
def keras_xception():
    return _application("Xception", size=72)


@keras_model(sizes=IMAGES)
def keras_open_image():
    """A network for images of any size, with the paddings whose sides depend on it."""
    import keras
    from keras import layers

    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    y = layers.AveragePooling2D(2, 2, padding="same")(x)
    x = layers.SeparableConv2D(12, 3, strides=2, padding="same", activation="swish")(x)
    x = layers.Concatenate()([x, layers.BatchNormalization()(y)])
    x = layers.Conv2DTranspose(6, 3, strides=2, padding="same")(x)
    x = layers.UpSampling2D(2)(x)
    model = keras.Model(image, [layers.Conv2D(2, 1)(x), layers.Dense(4)(layers.GlobalAveragePooling2D()(x))])
    return model, {"image": Input("image", ("batch", "height", "width", 3))}


def _keras_text(*middle: Any) -> tuple[Any, dict[str, Input]]:
    import keras
    from keras import layers

    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 12)(tokens)
    for layer in middle:
        x = layer(x)
    return keras.Model(tokens, layers.Dense(5, activation="softmax")(x)), {"tokens": Input(50, ("batch", "sequence"))}


@keras_model(sizes=TEXTS)
def keras_lstm():
    from keras import layers

    return _keras_text(layers.LSTM(16, return_sequences=True), layers.LSTM(8))


@keras_model(sizes=TEXTS)
def keras_gru():
    from keras import layers

    return _keras_text(layers.GRU(16, return_sequences=True), layers.GRU(8))


@keras_model(sizes=TEXTS)
def keras_bidirectional():
    from keras import layers

    return _keras_text(layers.Bidirectional(layers.LSTM(16, return_sequences=True)), layers.Bidirectional(layers.GRU(8)))


@keras_model(sizes=TEXTS)
def keras_conv1d():
    from keras import layers

    return _keras_text(
        layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu"),
        layers.SeparableConv1D(8, 3, padding="same"),
        layers.MaxPooling1D(2),
        layers.GlobalMaxPooling1D(),
    )


@keras_model(sizes=TEXTS)
def keras_attention():
    import keras
    from keras import layers

    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 16)(tokens)
    y = layers.MultiHeadAttention(4, 4)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    x = layers.Dense(16)(layers.Dense(24, activation="silu")(x))
    return keras.Model(tokens, layers.Dense(3)(layers.GlobalAveragePooling1D()(x))), {
        "tokens": Input(50, ("batch", "sequence"))
    }


@keras_model()
def keras_separable():
    import keras
    from keras import layers

    image = keras.Input((32, 24, 3), name="image")
    x = layers.Rescaling(2.0, -1.0)(image)
    x = layers.SeparableConv2D(8, 3, depth_multiplier=2, padding="same")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same")(layers.PReLU(shared_axes=[1, 2])(x))
    x = layers.GroupNormalization(4)(layers.ZeroPadding2D(((1, 0), (2, 1)))(x))
    x = layers.Cropping2D(1)(layers.LeakyReLU(0.1)(x))
    x = layers.Dropout(0.3)(layers.Flatten()(layers.AveragePooling2D(2)(x)))
    return keras.Model(image, layers.Dense(4, activation="softmax")(x)), {"image": Input("image", ("batch", 32, 24, 3))}
