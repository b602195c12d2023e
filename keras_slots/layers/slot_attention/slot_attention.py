"""SlotAttention: Algorithm 1 of the paper, every ablation an argument."""

import keras
from keras import ops

from keras_slots.checks import (
    as_integer,
    as_number,
    as_number_or_none,
    check_option,
    check_shapes,
    check_together,
)
from keras_slots.layers.fast.masked_softmax import fill_where_masked
from keras_slots.layers.slot_attention.competitive_attention import (
    CompetitiveAttention,
)
from keras_slots.layers.slot_attention.initial_slots import InitialSlots
from keras_slots.layers.slot_attention.slot_communication import (
    SlotCommunication,
)
from keras_slots.layers.slot_attention.slot_update import (
    SlotUpdate,
    build_for_slots,
)
from keras_slots.layers.slot_centers import SlotCenters, is_object
from keras_slots.types import Initializer, Shape

OPTIONS = {
    "aggregation": (
        "weighted_mean",
        "weighted_sum",
        "weighted_sum_layer_norm",
        "scaled_sum",
    ),
    "softmax_axis": ("slots", "inputs"),
    "slot_initialization": ("shared_gaussian", "per_slot_gaussian", "learned"),
    "update": ("gru", "none"),
    "epsilon_position": ("attention", "denominator"),
    "gradient": ("full", "implicit", "bilevel"),
    "slot_communication": ("none", "self_attention"),
}
# Arguments that are layers, or that a layer can stand in for.
DOORS = ("update", "slot_communication", "centers")


@keras.saving.register_keras_serializable(package="keras_slots")
class SlotAttention(keras.layers.Layer):
    """Groups a set of tokens into a set of slots by competitive attention.

    The layer follows Algorithm 1 of Locatello et al. (2020), which
    `keras_slots.layers.literal_slot_attention` has on one screen. Each of the
    `num_iterations` rounds lets the slots compete for the tokens (a softmax
    over the *slots*), gives every slot the weighted mean of the tokens that
    it won, and updates the slot with a GRU and a residual MLP. The result
    does not depend on the order of the tokens, and permuting the initial
    slots permutes the result (section 4 of the supplement).

    The first slots are drawn from a learned Gaussian, so two calls on the
    same input differ unless `initial_slots` is passed (or slots are
    `"learned"`). `seed` makes the sequence of draws reproducible.

    Attention logits, softmax and the weighted mean are computed in float32
    under every dtype policy: in float16 the paper's `epsilon` is zero.

    Every ablation of section 2 of the supplement is an argument, and each
    default is the paper's. With `update="none"`, `use_layer_norm=False`,
    `use_mlp=False` and `use_projections=False` the layer is the soft k-means
    with a dot-product score that the supplement compares with (the last
    paragraph of section 2).

    Args:
        num_slots: Integer K, the number of slots, if a call does not say.
        slot_size: Integer D, the number of features of a slot.
        num_iterations: Integer T, the number of rounds of attention. Can be
            overridden per call. Defaults to `3`.
        mlp_hidden_size: Integer, the hidden units of the residual MLP.
            Defaults to `128`.
        epsilon: Float, the offset that keeps the weighted mean stable.
            Defaults to `1e-8`.
        aggregation: How attention gathers the tokens (Figure 1).
            `"weighted_mean"`, `"weighted_sum"`,
            `"weighted_sum_layer_norm"` (a sum followed by layer
            normalization) or `"scaled_sum"` (a sum divided by the number of
            tokens: unlike the mean it tells a slot how much it won, and
            unlike the sum it does not grow with the image). Defaults to
            `"weighted_mean"`.
        softmax_axis: `"slots"`, or `"inputs"` as in ordinary attention
            (Figure 4); a slot's weights sum to one then, and the weighted
            mean is their weighted sum but for `epsilon` per token. Defaults
            to `"slots"`.
        slot_initialization: `"shared_gaussian"`, `"per_slot_gaussian"`
            (Figure 3) or `"learned"` (no noise). Defaults to
            `"shared_gaussian"`.
        update: `"gru"`; `"none"` to take the gathered values as the next
            slots (Figure 5); or a layer that is called with `(updates,
            slots)`, both `(B, K, slot_size)`, and gives the next slots of the
            same shape. The residual MLP follows. Defaults to `"gru"`.
        use_layer_norm: Whether inputs, slots (Figure 7) and the MLP's input
            are layer normalized. Defaults to `True`.
        use_mlp: Whether the residual MLP follows the update (Figure 8).
            Defaults to `True`.
        use_projections: Whether queries, keys and values are linear
            projections; without, the tokens need `slot_size` features.
            Defaults to `True`.
        temperature: Float, what the logits are divided by (Figure 9);
            `None` is the paper's square root of the query size. Defaults to
            `None`.
        epsilon_position: `"attention"` adds `epsilon` to every weight,
            `"denominator"` to their sum (Figure 10). Defaults to
            `"attention"`.
        gradient: `"full"` goes back through all iterations; `"implicit"`
            through the last alone (Chang et al., 2022); `"bilevel"` through
            the last alone and straight on to the initial slots (Jia et al.,
            2023). The output is the same. Defaults to `"full"`.
        num_heads: Integer, the number of attention heads. Every head has a
            softmax over slots of its own; with more than one, a linear
            layer mixes their outputs. Defaults to `1`.
        centers: `SlotCenters`. It gives every slot a place in the image
            (beyond the paper). Defaults to `None`: slots have no place.
        background_slot: Whether the first slot is the background's (named
            as future work in section 1 of the supplement): it starts
            from a learned vector of its own and, with centers, attends to
            near and far alike. Defaults to `False`.
        slot_communication: `"self_attention"` lets slots attend to each other
            after every iteration's update, with `num_heads` heads (beyond
            the paper, named in section 1 of the supplement); `"none"` leaves
            them to compete for tokens alone. A layer is called with slots
            `(B, K, slot_size)` and `slot_mask`, `(B, K)` or `None`, and gives
            slots. Defaults to `"none"`.
        kernel_initializer: Initializer of projections and MLP. Defaults to
            `"glorot_uniform"`.
        slots_initializer: Initializer of the parameters that the first
            slots are made from. Defaults to `"glorot_uniform"`.
        seed: Integer seed of the slots' noise. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(B, N, D_in)`: N tokens each. B and N may be
            unknown.
        initial_slots: Float tensor `(B, K, slot_size)` that replaces the start
            and makes the layer deterministic.
        mask: Boolean tensor `(B, N)`, `True` for tokens that take part. What
            the others hold, NaN included, has no influence. Filled in by
            Keras if the input carries a mask.
        slot_mask: Boolean tensor `(B, K)`, `True` for slots that take part.
            The others hold no attention, take no part in the softmax and
            come out as zeros.
        num_slots: Integer, more (or fewer) slots than in training.
        num_iterations: Integer, more (or fewer) iterations than in training.
        return_attention_scores: Whether to return the attention too.
        return_all_iterations: Whether to return every iteration's result.
        positions: Float tensor `(N, 2)`, for slots with centers and only for
            them: (y, x) of the tokens, the outermost ones at -1 and 1.

    Returns:
        Slots `(B, K, slot_size)`; with `return_attention_scores=True` the
        pair of slots and attention `(B, K, N)`: the softmax over slots of
        the last iteration, before epsilon and before the division that makes
        the weighted mean, averaged over heads. With
        `return_all_iterations=True` both gain an axis T after the batch.

    Raises:
        ValueError: If an argument is out of range or a shape does not fit.

    Example:
    >>> import keras, keras_slots
    >>> tokens = keras.random.normal((2, 64, 32), seed=0)
    >>> layer = keras_slots.SlotAttention(num_slots=4, slot_size=16)
    >>> slots, attention = layer(tokens, return_attention_scores=True)
    >>> slots.shape, attention.shape
    (TensorShape([2, 4, 16]), TensorShape([2, 4, 64]))

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
        - [Chang et al., 2022](https://arxiv.org/abs/2207.00787)
        - [Jia et al., 2023](https://arxiv.org/abs/2210.08990)
    """

    # Letters: B batch, N tokens, K slots, D slot size, T iterations.

    def __init__(
        self,
        num_slots: int,
        slot_size: int,
        num_iterations: int = 3,
        mlp_hidden_size: int = 128,
        epsilon: float = 1e-8,
        *,
        aggregation: str = "weighted_mean",
        softmax_axis: str = "slots",
        slot_initialization: str = "shared_gaussian",
        update: str | keras.Layer = "gru",
        use_layer_norm: bool = True,
        use_mlp: bool = True,
        use_projections: bool = True,
        temperature: float | None = None,
        epsilon_position: str = "attention",
        gradient: str = "full",
        num_heads: int = 1,
        centers: SlotCenters | None = None,
        background_slot: bool = False,
        slot_communication: str | keras.Layer = "none",
        kernel_initializer: Initializer = "glorot_uniform",
        slots_initializer: Initializer = "glorot_uniform",
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        # One slot more than the background's, for objects.
        self.num_slots = as_integer("num_slots", num_slots, 1 + background_slot)
        self.slot_size = as_integer("slot_size", slot_size)
        self.num_iterations = as_integer("num_iterations", num_iterations)
        self.mlp_hidden_size = as_integer("mlp_hidden_size", mlp_hidden_size)
        self.epsilon = as_number("epsilon", epsilon)
        self.aggregation = aggregation
        self.softmax_axis = softmax_axis
        self.slot_initialization = slot_initialization
        self.update = update
        self.use_layer_norm = use_layer_norm
        self.use_mlp = use_mlp
        self.use_projections = use_projections
        self.temperature = as_number_or_none("temperature", temperature)
        self.epsilon_position = epsilon_position
        self.gradient = gradient
        self.num_heads = as_integer("num_heads", num_heads)
        self.centers = centers
        self.background_slot = background_slot
        self.slot_communication = slot_communication
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.slots_initializer = keras.initializers.get(slots_initializer)
        self.seed = seed
        self._check_arguments()
        # Without projections, tokens and slots have the same features.
        axes = {} if use_projections else {-1: self.slot_size}
        self.input_spec = keras.InputSpec(ndim=3, axes=axes, name="inputs")
        self.supports_masking = True

    def _check_arguments(self):
        for name, options in OPTIONS.items():
            value = getattr(self, name)
            if name not in DOORS or not isinstance(value, keras.Layer):
                check_option(name, value, options)
        if self.slot_size % self.num_heads:
            raise ValueError(
                "`slot_size` must be a multiple of `num_heads`. Received: "
                f"slot_size={self.slot_size}, num_heads={self.num_heads}"
            )
        if self.num_heads > 1 and not self.use_projections:
            raise ValueError(
                "`num_heads` needs projections to tell the heads apart. "
                f"Received: num_heads={self.num_heads}, use_projections=False"
            )

    def build(self, input_shape):
        axes = {-1: input_shape[-1]}
        self.input_spec = keras.InputSpec(ndim=3, axes=axes, name="inputs")
        self.initial = InitialSlots(
            self.num_slots,
            self.slot_size,
            kind=self.slot_initialization,
            has_background=self.background_slot,
            initializer=self.slots_initializer,
            seed=self.seed,
            name="initial",
            dtype=self.dtype_policy,
        )
        self.initial.build(None)
        self.attention = CompetitiveAttention(
            self.slot_size,
            num_heads=self.num_heads,
            temperature=self.temperature,
            softmax_axis=self.softmax_axis,
            aggregation=self.aggregation,
            epsilon=self.epsilon,
            epsilon_position=self.epsilon_position,
            use_layer_norm=self.use_layer_norm,
            use_projections=self.use_projections,
            kernel_initializer=self.kernel_initializer,
            name="attention",
            dtype=self.dtype_policy,
        )
        self.attention.build(input_shape)
        self.updating = SlotUpdate(
            self.slot_size,
            mlp_hidden_size=self.mlp_hidden_size,
            update=self.update,
            use_mlp=self.use_mlp,
            use_layer_norm=self.use_layer_norm,
            kernel_initializer=self.kernel_initializer,
            name="updating",
            dtype=self.dtype_policy,
        )
        self.updating.build((None, self.num_slots, self.slot_size))
        if self.centers is not None and not self.centers.built:
            self.centers.build((None, self.num_slots, self.slot_size))
        if isinstance(self.slot_communication, keras.Layer):
            self.communication = self.slot_communication
            build_for_slots(
                "slot_communication",
                self.communication,
                (None, self.num_slots, self.slot_size),
            )
        elif self.slot_communication == "self_attention":
            self.communication = SlotCommunication(
                self.slot_size,
                num_heads=self.num_heads,
                use_layer_norm=self.use_layer_norm,
                kernel_initializer=self.kernel_initializer,
                name="communication",
                dtype=self.dtype_policy,
            )
            self.communication.build((None, None, self.slot_size))

    def call(
        self,
        inputs,
        initial_slots=None,
        mask=None,
        slot_mask=None,
        num_slots=None,
        num_iterations=None,
        return_attention_scores=False,
        return_all_iterations=False,
        positions=None,
    ):
        if mask is None:
            # Keras fills in `mask` only if `inputs` is the only tensor.
            mask = getattr(inputs, "_keras_mask", None)
        tensors = (inputs, initial_slots, mask, slot_mask, positions)
        num_slots, num_iterations = self._call_sizes(
            *tensors, num_slots, num_iterations
        )
        collect = self.gradient == "full"
        projections = self.attention.project(
            inputs, mask, num_slots, num_iterations, collect
        )
        if initial_slots is None:
            initial_slots = self.initial.draw(ops.shape(inputs)[0], num_slots)
        # The policy's dtype outside attention: GRU, norms and MLP.
        initial_slots = ops.cast(initial_slots, self.compute_dtype)
        slots = initial_slots  # (B, K, D)
        centers = first_centers = None
        if self.centers is not None:
            first_centers = self.centers.first_centers(slots)  # (B, K, 2)
            centers = first_centers
        all_slots, all_attention = [], []
        for iteration in range(num_iterations):
            if iteration == num_iterations - 1:
                slots = self._cut_gradient(slots, initial_slots)
                centers = self._cut_gradient(centers, first_centers)
            slots, centers, attention = self._iterate(
                slots, centers, projections, mask, slot_mask, positions
            )
            all_slots.append(slots)
            all_attention.append(attention)
        if return_all_iterations:
            slots = ops.stack(all_slots, axis=1)  # (B, T, K, D)
            attention = ops.stack(all_attention, axis=1)  # (B, T, K, N)
        if return_attention_scores:
            return slots, ops.cast(attention, self.compute_dtype)
        return slots

    def _call_sizes(
        self,
        inputs,
        initial_slots,
        mask,
        slot_mask,
        positions,
        num_slots,
        num_iterations,
    ):
        """Returns the numbers of slots and iterations; checks the tensors."""
        if num_slots is None and initial_slots is None:
            num_slots = self.num_slots
        sizes = check_shapes(
            {
                "inputs": (inputs, "(B, N, D_in)"),
                "initial_slots": (initial_slots, "(B, K, D)"),
                "mask": (mask, "(B, N)"),
                "slot_mask": (slot_mask, "(B, K)"),
                "positions": (positions, "(N, 2)"),
            },
            K=num_slots,
            D=self.slot_size,
        )
        num_slots = as_integer("num_slots", sizes.get("K"))
        if num_iterations is None:
            num_iterations = self.num_iterations
        shared = self.slot_initialization == "shared_gaussian"
        if initial_slots is None and num_slots > self.num_slots and not shared:
            raise ValueError(
                "Slots with parameters of their own cannot be added after "
                "training: use `slot_initialization='shared_gaussian'` or pass "
                f"`initial_slots`. Received: num_slots={num_slots}"
            )
        check_together(positions=positions, centers=self.centers)
        return num_slots, as_integer("num_iterations", num_iterations)

    def _cut_gradient(self, state, first):
        """Keeps the value the last iteration starts from, not its gradient."""
        if self.gradient == "full" or state is None:
            return state
        state = ops.stop_gradient(state)
        if self.gradient == "bilevel":
            state = state + first - ops.stop_gradient(first)
        return state

    def _iterate(self, slots, centers, projections, mask, slot_mask, positions):
        """Runs lines 5 to 10 once: slots (B, K, D), attention (B, K, N)."""
        queries = self.attention.normalize_slots(slots)  # (B, K, D)
        penalty = None
        if self.centers is not None:
            penalty = self.centers.distance_penalty(queries, centers, positions)
            if self.background_slot:  # It attends to near and far alike.
                penalty = penalty * is_object(ops.shape(slots)[1])
        attention = self.attention.attend(
            queries, projections, mask, slot_mask, penalty
        )  # (B, H, K, N)
        updates = self.attention.gather(attention, projections, mask)
        attention = ops.mean(attention, axis=1)  # (B, K, N)
        if self.centers is not None:
            centers, updates = self.centers(updates, attention, positions)
            updates = ops.cast(updates, self.compute_dtype)
        slots = self.updating(updates, slots)
        slots = fill_where_masked(slots, slot_mask)
        if self.slot_communication != "none":
            slots = self.communication(slots, slot_mask=slot_mask)
            slots = ops.cast(slots, self.compute_dtype)
            slots = fill_where_masked(slots, slot_mask)
        return slots, centers, attention

    def compute_mask(self, inputs, mask=None):
        return None  # Slots carry no mask; a token mask ends here.

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_slots, self.slot_size)

    def compute_output_spec(
        self,
        inputs,
        initial_slots=None,
        mask=None,
        slot_mask=None,
        num_slots=None,
        num_iterations=None,
        return_attention_scores=False,
        return_all_iterations=False,
        positions=None,
    ):
        tensors = (inputs, initial_slots, mask, slot_mask, positions)
        num_slots, num_iterations = self._call_sizes(
            *tensors, num_slots, num_iterations
        )
        batch, num_tokens, _ = inputs.shape
        steps = (num_iterations,) if return_all_iterations else ()

        def spec(*sizes: int | None) -> keras.KerasTensor:
            shape: Shape = (batch, *steps, num_slots, *sizes)
            return keras.KerasTensor(shape, dtype=self.compute_dtype)

        slots = spec(self.slot_size)
        if return_attention_scores:
            return slots, spec(num_tokens)
        return slots

    def get_config(self):
        config = {
            name: getattr(self, name)
            for name in (
                "num_slots",
                "slot_size",
                "num_iterations",
                "mlp_hidden_size",
                "epsilon",
                "use_layer_norm",
                "use_mlp",
                "use_projections",
                "temperature",
                "num_heads",
                "centers",
                "background_slot",
                "seed",
                *OPTIONS,
            )
        }
        serialize = keras.initializers.serialize
        return {
            **super().get_config(),
            **config,
            "kernel_initializer": serialize(self.kernel_initializer),
            "slots_initializer": serialize(self.slots_initializer),
            **{
                name: keras.saving.serialize_keras_object(config[name])
                for name in DOORS
            },
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        doors = {name: deserialize(config[name]) for name in DOORS}
        return cls(**{**config, **doors})
