"""The sizes of a decoder-only transformer, and its parameter counts computed from them.

```
ids -> embedding look-up: no matrix product
    -> L x  attention  h -> H d, twice h -> K d, H d -> h
            MLP        h -> i -> h, or router h -> E and k experts h -> i_e -> h
    -> head h -> V
```
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Experts:
    """Routed experts of a layer, each a gated MLP.

    Attributes:
        count: experts per layer.
        per_token: experts that process a token.
        width: width of one routed expert.
        shared_width: width of the shared expert that processes every token; 0 = there is none.
        hidden_size: width of the hidden state.
    """

    count: int
    per_token: int
    width: int
    shared_width: int
    hidden_size: int

    def parameters(self, met: int) -> int:
        """Matrix parameters of a layer: router, `met` routed experts, and the shared expert with its gate."""
        shared = 3 * self.hidden_size * self.shared_width + self.hidden_size if self.shared_width else 0
        return self.hidden_size * self.count + met * 3 * self.hidden_size * self.width + shared


@dataclass(frozen=True)
class TransformerShape:
    """The sizes from which operations, parameters and memory of a model are computed.

    Attributes:
        family: `model_type` of the config.
        hidden_size: h.
        n_layers: L.
        n_heads: H, query heads.
        head_dim: d.
        n_kv_heads: K.
        mlp_width: i, MLP width of layers without routed experts.
        vocab_size: V.
        gated: the MLP has three matrices, not two.
        tied: the output head is the input embedding.
        windows: per layer, the attention window in positions; None = all.
        experts: routed experts; None = there are none.
        expert_layers: per layer, whether it has routed experts.
        n_vector_parameters: parameters of norms, biases and learned positions, which are in no matrix product.
    """

    family: str
    hidden_size: int
    n_layers: int
    n_heads: int
    head_dim: int
    n_kv_heads: int
    mlp_width: int
    vocab_size: int
    gated: bool
    tied: bool
    windows: tuple[int | None, ...]
    experts: Experts | None
    expert_layers: tuple[bool, ...]
    n_vector_parameters: int

    @property
    def attention_parameters(self) -> int:
        """Matrix parameters of a layer's attention: h H d + 2 h K d + H d h."""
        return 2 * self.hidden_size * self.head_dim * (self.n_heads + self.n_kv_heads)

    @property
    def mlp_parameters(self) -> int:
        """Matrix parameters of a layer's MLP: 3 h i gated, 2 h i plain."""
        return (3 if self.gated else 2) * self.hidden_size * self.mlp_width

    @property
    def head_parameters(self) -> int:
        """Matrix parameters of the output head, tied or not: h V."""
        return self.hidden_size * self.vocab_size

    @property
    def linear_parameters(self) -> int:
        """Matrix parameters of all layers that process one token."""
        return self._layers(self.experts.parameters(self.experts.per_token) if self.experts else 0)

    @property
    def stored_linear_parameters(self) -> int:
        """Matrix parameters of all layers, every expert counted."""
        return self._layers(self.experts.parameters(self.experts.count) if self.experts else 0)

    @property
    def routed_parameters(self) -> int:
        """Matrix parameters of all routers and routed experts."""
        if self.experts is None:
            return 0
        per_layer = self.hidden_size * self.experts.count * (1 + 3 * self.experts.width)
        return sum(self.expert_layers) * per_layer

    @property
    def n_matmul_parameters(self) -> int:
        """Parameters in the matrix products of one token, output head included."""
        return self.linear_parameters + self.head_parameters

    @property
    def n_parameters(self) -> int:
        """All parameters, tied ones once."""
        embeddings = self.head_parameters * (1 if self.tied else 2)
        return self.stored_linear_parameters + embeddings + self.n_vector_parameters

    def _layers(self, expert_layer: int) -> int:
        n_expert_layers = sum(self.expert_layers)
        mlps = (self.n_layers - n_expert_layers) * self.mlp_parameters + n_expert_layers * expert_layer
        return self.n_layers * self.attention_parameters + mlps
