# Reference numbers for tests/test_firth.py.
# Run with: Rscript tests/reference/firth.R   (R's brglm2, brglm and survival packages)
# Writes separated.csv, endometrial_like.csv and firth.json beside this file; reads veteran.csv.
#
# Estimates and errors: brglm2 with type = "AS_mean" (the mean bias-reducing adjusted scores, which for the logit
# are those of Jeffreys' prior), checked here against brglm. Profiles: the penalised likelihood, whose penalty is
# that of the whole model with one coefficient held, maximised by Newton's method on numerically exact
# derivatives, and its crossing with the chi-squared quantile by uniroot.
suppressMessages({library(brglm2); library(brglm)})
here <- "tests/reference"
number <- function(x) sprintf("%.17g", as.numeric(x))
array <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)

veteran <- read.csv(file.path(here, "veteran.csv"), stringsAsFactors = FALSE)
veteran$celltype <- factor(veteran$celltype, c("squamous", "smallcell", "adeno", "large"))
separated <- data.frame(y = c(0, 0, 0, 0, 0, 1, 1, 1, 1, 1), x = c(1.2, 0.4, 2.2, 1.9, 2.6, 2.7, 4.1, 3.3, 5.0, 3.9),
                        z = c(0, 1, 1, 0, 1, 0, 1, 1, 0, 0))
# like the endometrial cancer data of Heinze and Schemper: 79 rows, a rare binary term whose carriers all have events
set.seed(79)
n <- 79
endometrial <- data.frame(NV = as.integer(seq_len(n) <= 13), PI = round(rgamma(n, 4, 0.25)), EH = round(runif(n, 0.3, 3.6), 2))
endometrial$HG <- ifelse(endometrial$NV == 1, 1L, as.integer(runif(n) < plogis(2.2 - 0.02 * endometrial$PI - 1.6 * endometrial$EH)))
stopifnot(all(endometrial$HG[endometrial$NV == 1] == 1), any(endometrial$HG[endometrial$NV == 0] == 1))
write.csv(separated, file.path(here, "separated.csv"), row.names = FALSE)
write.csv(endometrial, file.path(here, "endometrial_like.csv"), row.names = FALSE)

# ---- the penalised likelihood by hand ------------------------------------------------------------------------
pieces <- function(beta, x, y, m) {
  p <- drop(plogis(x %*% beta)); w <- m * p * (1 - p); information <- crossprod(x, w * x)
  h <- w * rowSums((x %*% solve(information)) * x)
  list(value = sum(y * plogis(drop(x %*% beta), log.p = TRUE) + (m - y) * plogis(-drop(x %*% beta), log.p = TRUE)) +
         0.5 * as.numeric(determinant(information)$modulus),
       score = drop(crossprod(x, y - m * p + h * (0.5 - p))), information = information)
}
value_at <- function(beta, x, y, m) tryCatch(pieces(beta, x, y, m)$value, error = function(e) -Inf)
# maximum with coefficient j held at b (none held: j = 0), by scoring and then Newton's method with a numerical Jacobian
held <- function(j, b, start, x, y, m) {
  free <- setdiff(seq_along(start), j)
  full <- function(z) { beta <- start; beta[free] <- z; if (j > 0) beta[j] <- b; beta }
  z <- start[free]
  for (round in 1:500) {  # scoring, halved until the value rises
    now <- pieces(full(z), x, y, m)
    step <- solve(now$information[free, free], now$score[free])
    while (max(abs(step)) > 1e-9 && !isTRUE(value_at(full(z + step), x, y, m) > now$value)) step <- step / 2
    z <- z + step
    if (max(abs(step)) < 1e-9) break
  }
  for (round in 1:8) {
    jacobian <- sapply(seq_along(z), function(k) {
      e <- replace(numeric(length(z)), k, 1e-5 * max(1, abs(z[k])))
      (pieces(full(z + e), x, y, m)$score[free] - pieces(full(z - e), x, y, m)$score[free]) / (2 * max(e))
    })
    z <- z - solve(jacobian, pieces(full(z), x, y, m)$score[free])
  }
  beta <- full(z)
  stopifnot(max(abs(pieces(beta, x, y, m)$score[free] / sqrt(diag(pieces(beta, x, y, m)$information))[free])) < 1e-9)
  list(beta = beta, value = pieces(beta, x, y, m)$value)
}
profile_of <- function(j, best, x, y, m) {
  top <- pieces(best, x, y, m); cut <- qchisq(0.95, 1)
  # the penalised likelihood is not concave: with a coefficient held far out it can have two maxima
  statistic <- function(b) 2 * (top$value - max(sapply(c(0, 1, 2, 4), function(far) held(j, b, far * best, x, y, m)$value)))
  se <- sqrt(diag(solve(top$information)))[j]
  end <- function(side) {
    far <- best[j] + side * 1.96 * se
    while (statistic(far) < cut) far <- far + side * se
    uniroot(function(b) statistic(b) - cut, sort(c(best[j], far)), tol = 1e-13)$root
  }
  test <- statistic(0)
  c(end(-1), end(1), test, pchisq(test, 1, lower.tail = FALSE))
}

tight <- brglmControl(type = "AS_mean", epsilon = 1e-13, maxit = 1000)
one <- function(name, formula, data, weights = rep(1, nrow(data)), profile = TRUE) {
  data$weights_ <- weights
  fit <- suppressWarnings(glm(formula, binomial, data, weights = weights_, method = "brglmFit", control = tight))
  older <- suppressWarnings(brglm(formula, binomial, data, weights = weights_,
    control.brglm = brglm.control(br.epsilon = 1e-12, br.maxit = 1000), control.glm = glm.control(epsilon = 1e-15, maxit = 1000)))
  x <- model.matrix(fit); y <- weights * model.response(model.frame(formula, data))
  best <- held(0, 0, coef(fit), x, y, weights)$beta
  stopifnot(max(abs(coef(fit) - coef(older))) < 1e-6, max(abs(coef(fit) - best)) < 1e-8)
  rows <- if (profile) sapply(seq_along(best), profile_of, best, x, y, weights) else NULL
  paste0("{", paste(c(field("name", paste0("\"", name, "\"")), field("coef", array(best)), field("brglm2", array(coef(fit))),
    field("std_error", array(sqrt(diag(vcov(fit))))), field("loglik", number(logLik(fit))),
    if (profile) c(field("conf_low", array(rows[1, ])), field("conf_high", array(rows[2, ])),
                   field("statistic", array(rows[3, ])), field("p_value", array(rows[4, ])))), collapse = ","), "}")
}
# the plain likelihood's profile, on data that are not separated
plain <- function(name, formula, data) {
  fit <- glm(formula, binomial, data, control = glm.control(epsilon = 1e-15, maxit = 100))
  x <- model.matrix(fit); y <- model.response(model.frame(formula, data))
  rows <- sapply(seq_along(coef(fit)), function(j) {
    statistic <- function(b) {
      free <- suppressWarnings(glm.fit(x[, -j, drop = FALSE], y, family = binomial(), offset = b * x[, j], intercept = FALSE,
                                       control = glm.control(epsilon = 1e-15, maxit = 100)))
      free$deviance - fit$deviance
    }
    se <- sqrt(diag(vcov(fit)))[j]; cut <- qchisq(0.95, 1)
    end <- function(side) uniroot(function(b) statistic(b) - cut, sort(coef(fit)[j] + side * c(0, 4) * se), tol = 1e-13)$root
    c(end(-1), end(1), statistic(0))
  })
  paste0("{", paste(field("name", paste0("\"", name, "\"")), field("conf_low", array(rows[1, ])),
    field("conf_high", array(rows[2, ])), field("statistic", array(rows[3, ])), sep = ","), "}")
}
cases <- c(
  one("veteran", late ~ karno + age + celltype, veteran),
  one("veteran weights", late ~ karno + age + celltype, veteran, weights = veteran$w, profile = FALSE),
  one("separated", y ~ x + z, separated),
  one("endometrial", HG ~ NV + PI + EH, endometrial)
)
versions <- paste(R.version.string, "brglm2", packageVersion("brglm2"), "brglm", packageVersion("brglm"))
writeLines(paste0("{", field("versions", paste0("\"", versions, "\"")), ",\n", field("firth", paste0("[\n", paste(cases, collapse = ",\n"), "]")),
  ",\n", field("plain", paste0("[\n", plain("veteran", late ~ karno + age + celltype, veteran), "]")), "}"), file.path(here, "firth.json"))
