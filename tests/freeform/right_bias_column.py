# К входам приписан столбец единиц (смещение), батч из четырёх примеров, слои матрицами.
import numpy as np

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
y = np.array([[0, 1, 1, 0]]).T


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))


class Net:
    def __init__(self):
        self.syn0 = 2 * np.random.random((3, 2)) - 1
        self.syn1 = 2 * np.random.random((3, 1)) - 1

    def forward(self, X):
        self.l0 = X
        self.l1 = np.hstack([nonlin(np.dot(self.l0, self.syn0)), np.ones((len(X), 1))])
        self.l2 = nonlin(np.dot(self.l1, self.syn1))
        return self.l2

    def backward(self, error):
        l2_delta = error * nonlin(self.l2, deriv=True)
        l1_error = l2_delta.dot(self.syn1[:2].T)
        l1_delta = l1_error * nonlin(self.l1[:, :2], deriv=True)
        self.syn1 += self.l1.T.dot(l2_delta)
        self.syn0 += self.l0.T.dot(l1_delta)


np.random.seed(1)
net = Net()
for j in range(10000):
    out = net.forward(X)
    net.backward(y - out)
    if j % 1000 == 0:
        print("Error:", np.mean(np.abs(y - out)))
print(out)
