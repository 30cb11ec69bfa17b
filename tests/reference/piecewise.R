# Piecewise exponential hazards by Poisson regression with an offset; run from the root of the tree:
#   Rscript tests/reference/piecewise.R
library(survival)
library(sandwich)
library(jsonlite)

cgd <- read.csv("tests/reference/cgd.csv")
cuts <- c(100, 200, 300)
split <- survSplit(Surv(tstart, tstop, status) ~ ., cgd, cut = cuts, episode = "piece")
split$time <- split$tstop - split$tstart
fit <- glm(status ~ factor(piece) + treat + age, poisson, split,
           offset = log(time), control = glm.control(epsilon = 1e-14, maxit = 100))
# once more from the estimate: glm's covariance is that of the iterate before the last
fit <- update(fit, start = coef(fit))
rate <- predict(fit) - log(split$time)  # predict includes the offset
loglik <- sum(split$status * rate - split$time * exp(rate))
robust <- sqrt(diag(vcovCL(fit, split$id, type = "HC0", cadjust = FALSE)))
writeLines(toJSON(list(piecewise = list(list(
  name = "cgd", coef = unname(coef(fit)), std_error = unname(sqrt(diag(vcov(fit)))),
  cluster = unname(robust), loglik = loglik
))), digits = I(17), auto_unbox = TRUE), "tests/reference/piecewise.json")
