"""A user's fitted estimator as a skops archive: plain data and the names of known types, no pickle.

skops rebuilds objects only of types on a list. Ours is skops's own (scikit-learn's estimators, NumPy and SciPy
functions) and the types below; a user's own classes must be named. Some compiled types of scikit-learn follow the
indices they hold without bounds checks, which is why skops leaves them out: they are checked here before they are used.
skops is imported where it is used, because it imports all of scikit-learn.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from luthier.errors import DamagedModel, UsageError
from luthier.models.averaged_trees import check_nodes
from luthier.models.files import damaged

ARCHIVE = "estimator.skops"

_WALKED = frozenset(
    {
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.tree._tree.Tree",
    }
)
"""Types whose indices we check after loading."""

_PLAIN = frozenset(
    f"{module}.{name}"
    for module, names in {
        "collections": "OrderedDict",
        "numpy": "dtype mean number",
        "scipy._lib.array_api_compat.numpy._aliases": "asarray",
        "scipy.interpolate._bsplines": "BSpline",
        "scipy.sparse._csr": "csr_matrix",
        "sklearn._loss.loss": "HalfTweedieLoss HalfTweedieLossIdentity",
        "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration",
        "sklearn.cluster._bisect_k_means": "_BisectingTree",
        "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
        "sklearn.compose._column_transformer": "_RemainderColsList make_column_selector",
        "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
        "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_oneway f_regression r_regression",
        "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels": "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation "
        "Matern Product RBF RationalQuadratic Sum WhiteKernel",
        "sklearn.impute._iterative": "_ImputerTriplet",
        "sklearn.metrics._classification": "accuracy_score balanced_accuracy_score brier_score_loss f1_score "
        "fbeta_score jaccard_score log_loss matthews_corrcoef precision_score recall_score",
        "sklearn.metrics._dist_metrics": "ChebyshevDistance64 EuclideanDistance64 ManhattanDistance64 "
        "MinkowskiDistance64",
        "sklearn.metrics._ranking": "average_precision_score roc_auc_score top_k_accuracy_score",
        "sklearn.metrics._regression": "explained_variance_score max_error mean_absolute_error "
        "mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss mean_poisson_deviance mean_squared_error "
        "mean_squared_log_error median_absolute_error r2_score root_mean_squared_error root_mean_squared_log_error",
        "sklearn.metrics._scorer": "_CurveScorer _PassthroughScorer _Scorer",
        "sklearn.model_selection._split": "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut RepeatedKFold "
        "RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit "
        "TimeSeriesSplit",
        "sklearn.multiclass": "_ConstantPredictor",
        "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
        "sklearn.utils._bunch": "Bunch",
        "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    }.items()
    for name in names.split()
)
"""Types and functions of scikit-learn and its peers that hold or compute numbers and do nothing when they are built."""


def dump_estimator(estimator: Any) -> bytes:
    """Write a fitted estimator.

    Raises
    ------
    UsageError
        It holds something that cannot be written without pickle, such as a lambda.
    """
    import skops.io
    from skops.io.exceptions import UnsupportedTypeException

    try:
        return bytes(skops.io.dumps(estimator))
    except (UnsupportedTypeException, AttributeError, TypeError, ValueError) as error:
        raise _unwritable(estimator, error) from error


def _unwritable(estimator: Any, error: Exception) -> UsageError:
    return UsageError(
        f"the estimator {type(estimator).__name__} cannot be written without pickle: {error}",
        fix="replace lambdas and local classes in it by functions and classes of an importable module",
    )


def _build(data: bytes) -> Any:
    """Build whatever the archive says: only after its types have been checked, or from objects of the caller's own."""
    import skops.io

    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


def check_writable(estimator: Any) -> None:
    """Raise UsageError unless the estimator can be written and read again."""
    data = dump_estimator(estimator)
    try:
        _build(data)
    except (ImportError, AttributeError) as error:
        raise _unwritable(estimator, error) from error


def own_packages(objects: Iterable[Any]) -> frozenset[str]:
    """Top-level packages of the types in these objects that are neither Python's nor our dependencies'."""
    import skops.io

    names = {name for part in objects for name in skops.io.get_untrusted_types(data=dump_estimator(part))}
    found = {name.partition(".")[0] for name in names}
    return frozenset(found - sys.stdlib_module_names - {"numpy", "scipy", "pandas", "sklearn", "skops", "luthier"})


def needed_types(data: bytes) -> tuple[str, ...]:
    """Full names of the types that an archive holds and that are not known to be harmless."""
    import skops.io

    return tuple(sorted(set(skops.io.get_untrusted_types(data=data)) - _WALKED - _PLAIN))


def load_estimator(data: bytes, trusted: Sequence[str] = (), packages: frozenset[str] = frozenset()) -> Any:
    """Read a fitted estimator.

    Parameters
    ----------
    data
        What `dump_estimator` wrote.
    trusted
        Full names of further types to build, such as "mypackage.encoders.TargetMean". Their code runs.
    packages
        Top-level packages all of whose types may be built.

    Raises
    ------
    DamagedModel
        The bytes are no archive, need a type that is not trusted, or hold indices that point outside.
    """
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        theirs = [name for name in needed_types(data) if name not in trusted]
        unknown = [name for name in theirs if name.partition(".")[0] not in packages]
        if unknown:
            raise DamagedModel(
                f"the saved estimator needs types that are not trusted: {', '.join(unknown)}",
                fix=f"if you wrote or reviewed them, load with trusted={unknown!r}",
            )
        estimator = _build(data)
    except (zipfile.BadZipFile, UntrustedTypesFoundException, LookupError, ValueError, TypeError, EOFError) as error:
        raise damaged(ARCHIVE, f"cannot be read ({type(error).__name__})") from error
    except (ImportError, AttributeError) as error:
        raise DamagedModel(
            f"the saved estimator needs code that is not installed here: {error}",
            fix="install the package that defines it, in the version the model was saved with",
        ) from error
    for part in _parts([estimator]):
        _check(part)
    return estimator


def _parts(roots: Iterable[Any]) -> Iterator[Any]:
    """Every object reachable from the roots through attributes and containers, each once."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        part = waiting.pop()
        if id(part) in seen or part is None or isinstance(part, (str, bytes, int, float)):
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting.extend(part)
        elif isinstance(part, np.ndarray):
            if part.dtype == object:
                waiting.extend(part.ravel().tolist())
        elif hasattr(part, "__dict__") and not isinstance(part, type):
            waiting.extend(vars(part).values())


def _check(part: Any) -> None:
    """Raise DamagedModel where a compiled part would read outside of its arrays or of the rows it is given."""
    kind = type(part).__name__
    if kind == "Tree":
        check_nodes(part.__getstate__()["nodes"], part.n_features)
    elif kind in ("KDTree", "BallTree"):
        _check_ball(part)
    elif kind.startswith("HistGradientBoosting") and hasattr(part, "_predictors"):
        for predictor in (tree for trees in part._predictors for tree in trees):  # noqa: SLF001  # no public way
            _check_predictor(predictor, part.n_features_in_)
    elif hasattr(part, "tree_"):
        _check_width(part.tree_.n_features, part.n_features_in_)
    elif kind.startswith(("RandomForest", "ExtraTrees", "GradientBoosting")) and hasattr(part, "estimators_"):
        for member in np.ravel(part.estimators_):  # asked without another look at the width of their rows
            _check_width(member.n_features_in_, part.n_features_in_)


def _check_width(reads: int, given: int) -> None:
    if reads != given:
        raise damaged(ARCHIVE, f"holds a tree of {reads} features that would be given {given}")


def _check_predictor(predictor: Any, n_features: int) -> None:
    """Check the nodes of a tree of histogram gradient boosting."""
    nodes = predictor.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    here = np.flatnonzero(nodes["is_leaf"] == 0)
    categorical = inner["is_categorical"] != 0
    bitsets = inner["bitset_idx"][categorical]
    walkable = (
        (inner["left"] > here).all()
        and (inner["right"] > here).all()
        and (inner["left"] < len(nodes)).all()
        and (inner["right"] < len(nodes)).all()
        and (inner["feature_idx"] >= 0).all()
        and (inner["feature_idx"] < n_features).all()
        and (bitsets < len(predictor.raw_left_cat_bitsets)).all()
        and (bitsets < len(predictor.binned_left_cat_bitsets)).all()
    )
    if not walkable:
        raise damaged(ARCHIVE, "holds a tree whose nodes point outside of it")


def _check_ball(tree: Any) -> None:
    """Check the index of a k-d tree or ball tree."""
    data, idx_array, node_data, _ = (np.asarray(part) for part in tree.get_arrays())
    n = len(data)
    sound = (
        len(idx_array) == n
        and (idx_array >= 0).all()
        and (idx_array < n).all()
        and (node_data["idx_start"] >= 0).all()
        and (node_data["idx_start"] <= node_data["idx_end"]).all()
        and (node_data["idx_end"] <= n).all()
    )
    if not sound:
        raise damaged(ARCHIVE, "holds a neighbour index that points outside of it")
