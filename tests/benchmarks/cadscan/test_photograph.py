import numpy as np
import pytest

from benchmarks.cadscan.photograph import develop, expected_gray, expose, exposure_for


class TestExpose:
    def test_expose__darkens_towards_the_corners(self) -> None:
        signal = expose(np.full((120, 160), 0.5, np.float32), exposure=1.0, scale=0.04)
        diagonal = signal[np.arange(60, 120), np.linspace(80, 159, 60).astype(int)]
        assert (np.diff(diagonal) < 0).all()
        assert signal[60, 80] == pytest.approx(0.5, rel=0.02)
        assert signal[119, 159] == pytest.approx(0.5 * 0.72, rel=0.03)

    def test_expose__is_linear_below_saturation(self) -> None:
        radiance = np.random.default_rng(0).random((120, 160)).astype(np.float32)
        once, twice = (expose(radiance, exposure=e, scale=0.04) for e in (0.4, 0.8))
        np.testing.assert_allclose(twice, 2 * once, rtol=1e-4)

    def test_expose__blurs_less_in_a_binned_image(self) -> None:
        point = np.zeros((61, 61), np.float32)
        point[30, 30] = 1
        assert expose(point, exposure=1.0, scale=1.0).max() < expose(point, exposure=1.0, scale=0.1).max()

    def test_expose__a_piece_is_as_in_the_whole_image(self) -> None:
        radiance = np.random.default_rng(0).random((240, 320)).astype(np.float32)
        whole = expose(radiance, exposure=0.7, scale=0.25)
        piece = expose(radiance[40:140, 200:300], exposure=0.7, scale=0.25, corner=(200, 40), of=(320, 240))
        # What is beside the piece counts as its mirror image, which only the sharp part of its border notices.
        np.testing.assert_allclose(piece[3:-3, 3:-3], whole[43:137, 203:297], atol=2e-3)


class TestDevelop:
    def test_develop__brighter_signal_brighter_image_up_to_white(self) -> None:
        levels = np.linspace(0, 1.6, 33)
        means = [
            develop(np.full((50, 50), s), scale=1.0, rng=np.random.default_rng(0)).mean() for s in levels
        ]
        assert (np.diff(means)[levels[1:] < 0.98] > 0).all()
        assert means[-1] == 255
        assert 1 < means[0] < 5

    def test_develop__noise_is_shot_noise_and_shrinks_with_binning(self) -> None:
        def spread(level: float, scale: float) -> float:
            return float(develop(np.full((400, 400), level), scale=scale, rng=np.random.default_rng(0)).std())

        quantisation = np.sqrt(1 / 12)
        # 10500 electrons at white: sqrt(0.5 * 10500) of them, in gray levels, with 0.4 % of unevenness.
        electrons = np.sqrt(5250 + 81 + (0.004 * 5250) ** 2)
        expected = np.hypot(electrons * 252 / 10500, quantisation)
        assert spread(0.5, 1.0) == pytest.approx(expected, rel=0.05)
        assert spread(0.8, 1.0) > spread(0.5, 1.0) > spread(0.1, 1.0)
        assert spread(0.5, 0.5) < 0.65 * spread(0.5, 1.0)


class TestExpectedGray:
    @pytest.mark.parametrize(("level", "scale"), [(0.02, 1.0), (0.5, 1.0), (0.9, 1.0), (0.5, 0.25)])
    def test_expected_gray__mean_and_deviation_of_developed_images(self, level: float, scale: float) -> None:
        rng = np.random.default_rng(0)
        # Many levels that lie evenly between gray levels, as rounding is only then a noise of its own.
        signal = level + np.linspace(0, 4 / 252, 160_000).reshape(400, 400)
        gray, deviation = expected_gray(signal, scale=scale)
        error = develop(signal, scale=scale, rng=rng) - gray
        assert error.mean() == pytest.approx(0, abs=0.01)
        assert error.std() == pytest.approx(np.sqrt((deviation**2).mean()), rel=0.01)

    def test_expected_gray__white_is_white(self) -> None:
        assert expected_gray(np.array([[1.3]]), scale=1.0)[0] == 255


class TestExposureFor:
    def test_exposure_for__bright_parts_reach_the_target(self) -> None:
        radiance = np.random.default_rng(0).random(10_000)
        assert np.percentile(
            radiance * exposure_for([radiance[:5000], radiance[5000:]]), 85
        ) == pytest.approx(0.55)
