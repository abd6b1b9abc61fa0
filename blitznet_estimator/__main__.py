"""`python -m blitznet_estimator` is main.py, from any folder where the package is installed."""
from blitznet_estimator import named

if __name__ == '__main__':
    named('main:command')()
