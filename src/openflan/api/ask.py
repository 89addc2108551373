"""One question to one model: what `openflan ask` is written on."""

from openflan.api.playground import open_model as open_model
from openflan.playground.answers import ranked as ranked
from openflan.playground.answers import written as written
from openflan.playground.models import PlayModel as PlayModel
from openflan.playground.requests import Generate as Generate
from openflan.playground.requests import Rank as Rank
from openflan.playground.requests import checked as checked
